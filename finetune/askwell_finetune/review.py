"""What reviewers decided about questions: an export, one decision a line.

    {"features": {…}, "item": {…}, "opening": "Tell me about a time", "before": "…", "after": "…" or null,
     "decision": "accepted" | "edited" | "rejected", "ratings": {"relevance": 4}, "reviewer": "R7"}

``features`` and ``item`` are those of an example. Who the reviewer was is not read.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from askwell_interview import Features, Guard, PlanItem, find_personal
from askwell_interview.checks import without_name

from .example import features_from_json, item_from_json, lean

Decision = Literal["accepted", "edited", "rejected"]
DECISIONS: tuple[Decision, ...] = get_args(Decision)


@dataclass(frozen=True, slots=True)
class Review:
    """``before`` is what the model wrote; ``after`` what a reviewer made of it, "" unless edited.

    ``rating`` is the mean of all ratings, 1 to 5, and 0 where there are none.
    """

    features: Features
    item: PlanItem
    opening: str
    before: str
    after: str
    decision: Decision
    rating: float

    @property
    def kept(self) -> str:
        """What may be asked: "" for a rejected question."""
        return "" if self.decision == "rejected" else self.after or self.before

    @property
    def role(self) -> str:
        """What splits go by."""
        return self.features.job_title or self.item.competency

    def objection(self, guard: Guard) -> str:
        """Why nothing may be learnt from this review, "" for no reason.

        What was rejected for being unlawful may show what not to ask; what is personal may not even do that.
        """
        evidence = (*self.features.duties, *self.features.achievements)
        named = self.features.job_title, self.item.competency
        texts = (self.before, self.after, *named, *(each.quote for each in evidence))
        if any(find_personal(text) for text in texts):
            return "personal data"
        verdict = guard.check(without_name(self.kept, self.item.competency)) if self.kept else None
        return "" if verdict is None or verdict.allowed else f"unlawful: {verdict.category}"


def reviews_from_file(path: Path) -> Iterator[Review]:
    """The file's reviews in order. Raises ValueError that names the line."""
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                try:
                    yield _review(json.loads(line))
                except KeyError as error:
                    raise ValueError(f"{path}, line {number}: a review has no {error.args[0]!r}") from None
                except (ValueError, TypeError, AttributeError) as error:
                    raise ValueError(f"{path}, line {number}: {error}") from None


def _review(given: Mapping[str, Any]) -> Review:
    decision = next((each for each in DECISIONS if given["decision"] == each), None)
    if decision is None:
        raise ValueError(f"decision is {given['decision']!r}; it must be one of {', '.join(DECISIONS)}")
    before, after = (" ".join(str(given.get(name) or "").split()) for name in ("before", "after"))
    if not before or (decision == "edited" and not after):
        raise ValueError(f"{'before' if not before else 'after'} is empty in a question that was {decision}")
    return Review(
        features=lean(features_from_json(given["features"])),
        item=item_from_json(given["item"]),
        opening=str(given.get("opening") or "").strip(),
        before=before,
        after=after if decision == "edited" else "",
        decision=decision,
        rating=_rating(given.get("ratings") or {}),
    )


def _rating(ratings: Mapping[str, Any]) -> float:
    for name, value in ratings.items():
        if type(value) not in (int, float) or not 1 <= value <= 5:
            raise ValueError(f"the rating {name!r} is {value!r}; it must be a number from 1 to 5")
    return sum(ratings.values()) / len(ratings) if ratings else 0.0
