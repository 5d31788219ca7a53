"""What a question means, beside what it should be about and what is asked already."""

from collections.abc import Sequence

from rapidfuzz.fuzz import token_set_ratio

from .encoder import Encoder
from .item import PlanItem

# Cosines in all-MiniLM-L6-v2. Of the bank's own questions, with the competencies and evidence of 60 authored
# roles, one in two hundred is less like its item than ABOUT; so are four of 500 authored questions, and
# more of those that end as a question of another role. The bank's tenth percentile, 0.39, would
# refuse every sixth authored question.
ABOUT = 0.22
# Of 510 authored questions none comes nearer than 0.8 to one about another competency of its role.
SAME = 0.85
# Nine of ten authored endings come so near to the subject of their own role, and one in four to that of
# another.
NEAR = 0.13
# Each question takes 3 ms to encode, so only the most alike by their words are.
MAX_TAKEN = 2


def nearness(encoder: Encoder, text: str, item: PlanItem) -> float:
    """Cosine of a question and its competency and evidence."""
    quotes = [e.quote for e in (item.job_evidence, item.resume_evidence) if e is not None]
    question, about = encoder.encode([text, ". ".join((item.competency, *quotes))])
    return float(question @ about)


def off_topic(encoder: Encoder, text: str, item: PlanItem) -> bool:
    """Whether a question has little to do with its competency and evidence."""
    return nearness(encoder, text, item) < ABOUT


def asked_already(encoder: Encoder, text: str, taken: Sequence[str]) -> bool:
    """Whether one of the questions in ``taken`` asks the same in other words."""
    nearest = sorted(taken, key=lambda other: -token_set_ratio(text, other))[:MAX_TAKEN]
    if not nearest:
        return False
    question, *others = encoder.encode([text, *nearest])
    return any(float(question @ other) > SAME for other in others)


def on_the_subject(encoder: Encoder, text: str, subject: str) -> bool:
    """Whether a text speaks of the work that ``subject`` describes, whatever its words."""
    said, about = encoder.encode([text, subject])
    return float(said @ about) >= NEAR
