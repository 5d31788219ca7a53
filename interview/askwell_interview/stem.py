"""How a question begins: the words the model goes on from.

Each ends where only a task, a purpose or a circumstance can follow, which a small model fills well. The
competency stands in the opening, so what is left to the model, and to the checks, is the rest.
"""

import re
from hashlib import blake2b

from .item import PlanItem
from .question import QuestionType, Relation

_OPENINGS: dict[QuestionType, dict[str, tuple[str, ...]]] = {
    QuestionType.BEHAVIOURAL: {
        "tool": (
            "Tell me about a time you used {c} to",
            "Describe a situation at work in which {c} helped you to",
            "Walk me through the last time you used {c} to",
            "Can you recall a piece of work with {c} in which you",
            "When did {c} last help you to",
        ),
        "method": (
            "Tell me about a time when {c} did not go as planned because",
            "Describe a situation at work in which {c} helped you to",
            "Tell me about a time when you found {c} hard because",
            "Can you describe a piece of work in {c} in which you",
            "When did {c} last help you to",
        ),
        "soft": (
            "Tell me about a time when you needed {c} to",
            "Describe a situation at work in which {c} helped you to",
            "Can you recall a day at work when you needed {c} because",
            "When did {c} last help you to",
        ),
        "duty": (
            "Tell me about a time when {c} was difficult because",
            "Describe an occasion on which {c} took longer than planned because",
            "Can you recall a day when {c} went wrong because",
        ),
    },
    QuestionType.TECHNICAL: {
        "tool": (
            "Can you walk me through how you use {c} to",
            "When you use {c}, how do you make sure that",
            "Which features of {c} do you rely on to",
            "What do you check first in {c} when",
        ),
        "method": (
            "Can you walk me through how you approach {c} when",
            "Which steps do you follow in {c} to",
            "In {c}, how do you make sure that",
            "What do you look at first in {c} when",
            "How do you decide what matters most in {c} when",
        ),
        "duty": (
            "When you are {c}, how do you make sure that",
            "What do you look at first in {c} when",
            "How do you decide what matters most in {c} when",
        ),
    },
    QuestionType.SITUATIONAL: {
        "tool": (
            "In this role, how would you use {c} to",
            "How would you use {c} in this role to",
            "Where would you begin with {c} in this role to",
            "How would you work with {c} in this role when",
        ),
        "knowledge": (
            "In this role, how would you use {c} to",
            "How would you use {c} in this role to",
            "What would you draw on from {c} in this role when",
        ),
        "method": (
            "In this role, how would you go about {c} when",
            "How would you handle {c} if there was",
            "What would be your first steps in {c} when",
            "How would you organise {c} in this role to",
        ),
        "soft": (
            "In this role, how would you use {c} to",
            "How would you use {c} in this role to",
            "How would you show {c} in this role when",
        ),
        "duty": (
            "How would you go about {c} if there was",
            "What would be your first steps in {c} when",
            "How would you keep on {c} if there was",
        ),
    },
    QuestionType.MOTIVATION: {
        "tool": (
            "What do you enjoy most about using {c} to",
            "What keeps you interested in {c} when you",
        ),
        "method": (
            "Which part of {c} do you enjoy most when you",
            "What keeps you interested in {c} when you",
        ),
    },
}
_GAP: dict[str, tuple[str, ...]] = {
    "tool": (
        "This role works with {c}. Which tool have you used instead to",
        "If {c} were new to you, how would you learn to use {it} to",
        "This role works with {c}. How would you find your way into {it} to",
    ),
    "method": (
        "This role calls for {c}. How would you use {it} to",
        "This role calls for {c}. How would you go about {it} when",
        "This role calls for {c}. Which parts of {it} have you seen when",
    ),
    "soft": (
        "This role calls for {c}. How do you show {it} when",
        "This role calls for {c}. When did you last need {it} to",
    ),
    "licence": ("This role asks for {c}. How would you prepare to",),
}
_CLAIM: dict[str, tuple[str, ...]] = {
    "tool": (
        "Your résumé mentions {c}. Can you describe a task in which you used {it} to",
        "Your résumé lists {c}. When did you last use {it} to",
        "Your résumé names {c}. Which piece of work shows best how you use {it} to",
    ),
    "method": (
        "Your résumé mentions {c}. Can you describe a case of {it} in which you",
        "Your résumé lists {c}. Can you give an example of {it} in which you",
        "Your résumé names {c}. How did you make use of {it} to",
    ),
}
_TRANSFER: dict[str, tuple[str, ...]] = {
    "tool": (
        "You have worked with {o}, and this role works with {c}. How would you use {it} to",
        "How would your work with {o} help you with {c} when",
    ),
    "method": (
        "How would your experience of {o} help you with {c} when",
        "You bring experience of {o}, and this role calls for {c}. How would you go about {it} when",
    ),
}


def opening_for(item: PlanItem, used: set[str]) -> str:
    """The item's opening: the first of its group, from another beginning for each competency, that is not in
    ``used``, to which it is added. A plan's openings vary as far as there are any, and so do those of
    different candidates."""
    options = openings_for(item)
    first = int.from_bytes(blake2b(item.competency.casefold().encode(), digest_size=4).digest(), "big")
    turned = [options[(first + n) % len(options)] for n in range(len(options))]
    template = next((each for each in turned if each not in used), turned[0])
    used.add(template)
    return sentence(template, item.competency, item.other)


def openings_for(item: PlanItem) -> tuple[str, ...]:
    """All openings that suit the item, their slots still open."""
    if item.relation is Relation.GAP:
        group = _GAP
    elif item.relation is Relation.TRANSFERABLE:
        group = _TRANSFER
    elif item.relation is Relation.UNVERIFIED_CLAIM and item.type is QuestionType.BEHAVIOURAL:
        group = _CLAIM
    else:
        group = _OPENINGS.get(item.type, _OPENINGS[QuestionType.TECHNICAL])
    return group.get(item.kind, group["method"])


def sentence(template: str, competency: str, other: str = "") -> str:
    """The template with the competency in it; the pronoun goes by its number. ``other``: the skill that the
    candidate has beside it."""
    return template.format(c=competency, it="them" if is_plural(competency) else "it", o=other)


def is_plural(competency: str) -> bool:
    """ "ERP systems" and "loyalty programmes for shops"; not "statistics", "closing deals" or "Jenkins"."""
    words = re.split(r" (?:of|for|in|to|with) ", competency)[0].split()
    last = words[-1]
    return (
        last.islower()
        and re.search(r"s$(?<![suio]s)(?<!ics)(?<!sales)(?<!pandas)", last) is not None
        and not words[0].endswith("ing")
    )
