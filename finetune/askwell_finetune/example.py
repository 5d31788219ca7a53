"""One training example: what the model is told of a job and a candidate, and the question it should write.

Examples are kept as JSON lines. They hold features, never documents, and nothing personal.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any, Literal

from askwell_interview import Evidence, Features, PlanItem, QuestionType, Relation, Skill, Slot
from askwell_interview.prompt import MAX_DEEDS, MAX_DUTIES, MAX_SKILLS

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
BANK = "bank"


@dataclass(frozen=True, slots=True)
class Example:
    """``question`` begins with ``opening``; the model learns what follows it. ``role`` is what splits are
    made by. ``source``: who wrote it: "authored", ``BANK``, or a name of the owner's."""

    id: str
    role: str
    split: Split
    source: str
    licence: str
    features: Features
    item: PlanItem
    opening: str
    question: str

    @property
    def completion(self) -> str:
        """What the model writes after the opening, with the closing mark."""
        return self.question[len(self.opening) :]


def lean(features: Features) -> Features:
    """As much of the features as a prompt takes up."""
    return replace(
        features,
        job_skills=tuple(Skill(skill.name) for skill in features.job_skills[:MAX_SKILLS]),
        other_skills=(),
        years_required=None,
        years_shown=None,
        duties=features.duties[:MAX_DUTIES],
        achievements=features.achievements[:MAX_DEEDS],
    )


def example_to_json(example: Example) -> str:
    return json.dumps(asdict(example, dict_factory=_named), ensure_ascii=False)


def _named(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {
        name: value.name if isinstance(value, Enum) else value
        for name, value in pairs
        if value is not None and value != "" and value != ()
    }


def example_from_json(line: str) -> Example:
    """Raises ValueError, in one line, for what is not an example."""
    try:
        given = json.loads(line)
        return Example(
            id=str(given["id"]),
            role=str(given.get("role", "")),
            split=_split(given.get("split", "train")),
            source=str(given.get("source", "")),
            licence=str(given.get("licence", "")),
            features=features_from_json(given.get("features", {})),
            item=item_from_json(given["item"]),
            opening=str(given.get("opening", "")),
            question=str(given["question"]),
        )
    except KeyError as error:
        raise ValueError(f"an example has no {error.args[0]!r}") from None
    except (TypeError, AttributeError) as error:
        raise ValueError(f"an example is not of the right form: {error}") from None


def _split(name: object) -> Split:
    for split in SPLITS:
        if name == split:
            return split
    raise ValueError(f"split is {name!r}; it must be one of {', '.join(SPLITS)}")


def features_from_json(given: Mapping[str, Any]) -> Features:
    """Raises KeyError, TypeError, AttributeError or ValueError for what holds no features."""
    return Features(
        job_title=_text(given, "job_title", ""),
        job_skills=tuple(Skill(_text(skill, "name")) for skill in given.get("job_skills", ())),
        other_skills=(),
        years_required=None,
        years_shown=None,
        duties=tuple(_some_evidence(each) for each in given.get("duties", ())),
        achievements=tuple(_some_evidence(each) for each in given.get("achievements", ())),
    )


def item_from_json(given: Mapping[str, Any]) -> PlanItem:
    """Raises KeyError, TypeError, AttributeError or ValueError for what is no item."""
    return PlanItem(
        id=_text(given, "id", ""),
        slot=Slot[given.get("slot", "PROBE")],
        type=QuestionType[given.get("type", "TECHNICAL")],
        competency=_text(given, "competency"),
        relation=Relation[given.get("relation", "JOB")],
        reason=_text(given, "reason", ""),
        job_evidence=_evidence(given.get("job_evidence")),
        resume_evidence=_evidence(given.get("resume_evidence")),
        kind=given.get("kind", "method"),
        field=_text(given, "field", ""),
        other=_text(given, "other", ""),
    )


def _evidence(given: Mapping[str, Any] | None) -> Evidence | None:
    return _some_evidence(given) if given else None


def _some_evidence(given: Mapping[str, Any]) -> Evidence:
    return Evidence(_text(given, "quote"), int(given.get("start", 0)), int(given.get("end", 0)))


def _text(given: Mapping[str, Any], name: str, otherwise: str | None = None) -> str:
    value = given[name] if otherwise is None else given.get(name, otherwise)
    if not isinstance(value, str):
        raise ValueError(f"{name} is {value!r}; it must be a text")
    return value


def read_examples(path: Path) -> Iterator[Example]:
    """The file's examples in order. Raises ValueError that names the line."""
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                try:
                    yield example_from_json(line)
                except ValueError as error:
                    raise ValueError(f"{path}, line {number}: {error}") from None


def write_examples(path: Path, examples: Iterable[Example]) -> int:
    """How many were written. The file appears whole or not at all."""
    part = path.with_name(path.name + ".part")
    lines = [example_to_json(example) + "\n" for example in examples]
    part.write_text("".join(lines), encoding="utf-8")
    part.replace(path)
    return len(lines)
