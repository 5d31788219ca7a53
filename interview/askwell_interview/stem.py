"""How a question begins: the words the model goes on from.

Each ends where only a task, a purpose or a circumstance can follow, which a small model fills well. The
competency stands in the opening, so what is left to the model, and to the checks, is the rest.
"""

import re

from .plan import PlanItem
from .question import QuestionType, Relation

_OPENINGS: dict[QuestionType, dict[str, tuple[str, ...]]] = {
    QuestionType.BEHAVIOURAL: {
        "tool": (
            "Tell me about a time you used {c} to",
            "Describe a situation at work in which {c} helped you to",
        ),
        "method": (
            "Tell me about a time when {c} did not go as planned because",
            "Describe a situation at work in which {c} helped you to",
        ),
        "soft": (
            "Tell me about a time when you needed {c} to",
            "Describe a situation at work in which {c} helped you to",
        ),
        "duty": ("Tell me about a time when {c} was difficult because",),
    },
    QuestionType.TECHNICAL: {
        "tool": (
            "Can you walk me through how you use {c} to",
            "When you use {c}, how do you make sure that",
        ),
        "method": (
            "Can you walk me through how you approach {c} when",
            "Which steps do you follow in {c} to",
        ),
        "duty": ("When you are {c}, how do you make sure that",),
    },
    QuestionType.SITUATIONAL: {
        "tool": (
            "In this role, how would you use {c} to",
            "How would you use {c} in this role to",
        ),
        "knowledge": (
            "In this role, how would you use {c} to",
            "How would you use {c} in this role to",
        ),
        "method": (
            "In this role, how would you go about {c} when",
            "How would you handle {c} if there was",
        ),
        "soft": (
            "In this role, how would you use {c} to",
            "How would you use {c} in this role to",
        ),
        "duty": ("How would you go about {c} if there was",),
    },
    QuestionType.MOTIVATION: {
        "tool": ("What do you enjoy most about using {c} to",),
        "method": ("Which part of {c} do you enjoy most when you",),
    },
}
_GAP: dict[str, tuple[str, ...]] = {
    "tool": (
        "This role works with {c}. Which tool have you used instead to",
        "If {c} were new to you, how would you learn to use {it} to",
    ),
    "method": (
        "This role calls for {c}. How would you use {it} to",
        "This role calls for {c}. How would you go about {it} when",
    ),
    "soft": ("This role calls for {c}. How do you show {it} when",),
    "licence": ("This role asks for {c}. How would you prepare to",),
}
_CLAIM: dict[str, tuple[str, ...]] = {
    "tool": (
        "Your résumé mentions {c}. Can you describe a task in which you used {it} to",
        "Your résumé lists {c}. When did you last use {it} to",
    ),
    "method": (
        "Your résumé mentions {c}. Can you describe a situation in which you",
        "Your résumé lists {c}. Can you give an example of how you",
    ),
}


def opening_for(item: PlanItem, seen: dict[str, int]) -> str:
    """The item's opening. ``seen`` counts the uses of each group, so that a plan's openings vary."""
    wording = item.kind
    if item.relation is Relation.GAP:
        name, group = "gap", _GAP
    elif item.relation is Relation.UNVERIFIED_CLAIM and item.type is QuestionType.BEHAVIOURAL:
        name, group = "claim", _CLAIM
    else:
        kind = item.type if item.type in _OPENINGS else QuestionType.TECHNICAL
        name, group = kind.name, _OPENINGS[kind]
    key = wording if wording in group else "method"
    options = group[key]
    count = seen[name + key] = seen.get(name + key, -1) + 1
    return sentence(options[count % len(options)], item.competency)


def sentence(template: str, competency: str) -> str:
    """The template with the competency in it; the pronoun goes by its number."""
    return template.format(c=competency, it="them" if is_plural(competency) else "it")


def is_plural(competency: str) -> bool:
    """ "ERP systems" and "loyalty programmes for shops"; not "statistics", "closing deals" or "Jenkins"."""
    words = re.split(r" (?:of|for|in|to|with) ", competency)[0].split()
    last = words[-1]
    return (
        last.islower()
        and re.search(r"s$(?<![suio]s)(?<!ics)(?<!sales)(?<!pandas)", last) is not None
        and not words[0].endswith("ing")
    )
