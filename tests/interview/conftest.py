"""Documents of an invented job and person, and their interview."""

from datetime import date

import pytest
from askwell_interview import Document, Interview, document_from_text, open_interview

TODAY = date(2026, 1, 1)

JOB = """# Warehouse Data Engineer

We run the parts depots of a bus company.

## What you will do
- Build data pipelines in Python that load the stock figures of nine depots every night.
- Lead code reviews and mentor two junior colleagues.
- Explain the stock figures to depot managers in plain words.

## Requirements
- 5+ years of Python.
- At least three years of PostgreSQL.
- Experience with Apache Kafka and Docker.
- Stakeholder management.

## Nice to have
- Terraform.
- No experience with SAP needed.
"""

RESUME = """Marisol Quintanilla
14 Osprey Lane, Leeds LS6 2QT
marisol.quintanilla@example.org | +44 20 7946 0991
Date of birth: 4 May 1988

## Experience
Data Engineer, Fernway Buses, 2019 - 2021
- Built nightly data pipelines in Python for 12 depots; Marisol also trained four colleagues.
- Cut the run time of PostgreSQL reports by 40%.

Analyst, Holt Parts, 2017 - 2019
- Wrote Python scripts for stock counts.

## Skills
Python, PostgreSQL, Docker, Excel. No experience with Terraform.
"""


@pytest.fixture
def job() -> Document:
    return document_from_text(JOB)


@pytest.fixture
def resume() -> Document:
    return document_from_text(RESUME)


@pytest.fixture
def interview(job: Document, resume: Document) -> Interview:
    return open_interview(job, resume, count=8, style="chat", today=TODAY)
