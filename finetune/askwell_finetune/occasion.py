"""Everything that may be asked on the ground of one job and one résumé, whatever a plan would choose."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from askwell_interview import Document, Features, PlanItem, Slot
from askwell_interview.features import read
from askwell_interview.ground import Ground, ground_from_reading
from askwell_interview.stem import openings_for, sentence
from askwell_interview.topic import core_topics, item_from, topics, types_for

# What "present" means in a résumé: fixed, so that the same material gives the same examples.
TODAY = date(2026, 1, 1)


@dataclass(frozen=True, slots=True)
class Occasion:
    """One question that may be asked: its item, an opening, and what it may speak of."""

    features: Features
    ground: Ground
    item: PlanItem
    opening: str


def occasions(job: Document, resume: Document | None) -> Iterator[Occasion]:
    """In the order of the documents: core questions of the job, then probes of the candidate."""
    reading = read(job, resume, TODAY)
    ground = ground_from_reading(reading)
    asked = [(topic, Slot.CORE) for topic in core_topics(reading)]
    if resume is not None:
        asked += [(topic, Slot.PROBE) for topic in topics(reading)]
    for topic, slot in asked:
        for type_ in types_for(topic):
            item = item_from(topic, "", slot, type_)
            for template in openings_for(item):
                yield Occasion(
                    reading.features, ground, item, sentence(template, item.competency, item.other)
                )
