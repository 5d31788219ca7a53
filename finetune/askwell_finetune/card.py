"""The data card: what a data set holds, where it comes from, and what was left out and why."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from .example import SPLITS, Example


def facts_of(
    examples: Sequence[Example], dropped: Mapping[str, int], settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Every figure of the card, as JSON takes it."""
    splits = {split: [each for each in examples if each.split == split] for split in SPLITS}
    return {
        "examples": len(examples),
        "splits": {
            split: {"examples": len(some), "roles": sorted({each.role for each in some})}
            for split, some in splits.items()
        },
        "sources": _counted(each.source for each in examples),
        "licences": _counted(each.licence for each in examples),
        "slots": _counted(each.item.slot.name for each in examples),
        "types": _counted(each.item.type.name for each in examples),
        "relations": _counted(each.item.relation.name for each in examples),
        "competencies": len({each.item.competency.casefold() for each in examples}),
        "distinct_endings": len({each.completion.casefold() for each in examples}),
        "words_a_question": round(
            sum(len(each.question.split()) for each in examples) / max(1, len(examples)), 1
        ),
        "dropped": dict(sorted(dropped.items(), key=lambda item: -item[1])),
        "settings": dict(settings),
    }


def _counted(names: Any) -> dict[str, int]:
    return dict(Counter(names).most_common())


def card_from_facts(facts: Mapping[str, Any]) -> str:
    """The card as Markdown."""
    splits = facts["splits"]
    lines = [
        "# Data card",
        "",
        f"{facts['examples']} interview questions, each with the features of a job (and of a candidate) that "
        f"it was asked on; {facts['distinct_endings']} different endings, {facts['competencies']} "
        f"competencies, {facts['words_a_question']} words a question.",
        "",
        "| Split | Examples | Roles |",
        "|---|---|---|",
        *(f"| {name} | {split['examples']} | {_roles(split['roles'])} |" for name, split in splits.items()),
        "",
        "No role of one split occurs in another. Authored questions were let through every check of "
        "askwell_interview, all others through its guard and its search for personal data; no two are alike "
        "by their words, but for canaries, which are copies with a made-up secret.",
        "",
    ]
    for title in ("sources", "licences", "slots", "types", "relations"):
        lines += [f"**{title.capitalize()}**: " + _listed(facts[title]), ""]
    lines += ["## Left out", ""]
    lines += [f"- {count} × {reason}" for reason, count in facts["dropped"].items()] or ["Nothing."]
    lines += [
        "",
        "## Made with",
        "",
        *(f"- {name}: {value}" for name, value in facts["settings"].items()),
        "",
    ]
    return "\n".join(lines)


def _roles(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 12 else f"{len(names)} roles"


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"
