"""Numbers on a command line: what cannot be meant is refused before anything starts."""

import argparse
import math


def count(text: str) -> int:
    """A whole number from 1."""
    return _whole(text, 1)


def count_or_none(text: str) -> int:
    """A whole number from 0."""
    return _whole(text, 0)


def repeats(text: str) -> int:
    """A whole number from 3: an interval from fewer rounds means nothing."""
    return _whole(text, 3)


def positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return value


def _whole(text: str, least: int) -> int:
    # ASCII digits only, and no more than a number that somebody can mean.
    if not (text.isascii() and text.isdecimal()) or len(text) > 9 or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from {least}")
    return int(text)
