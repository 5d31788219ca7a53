"""Damaged sources, and what the converter says to them."""
