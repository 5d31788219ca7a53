"""Held-out interviews: what passes the gates at once, and what in the end, as the server would have it."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from askwell_interview import Encoder, Interview, Question, judge, open_interview

from ..occasion import TODAY
from ..role import Role
from .speaker import Speaker

COUNT = 8
# Texts of a round, as many as the server writes.
ROUNDS = (2, 4, 4)
# Texts of each item that are judged alone, as a first try: one would leave the figures to chance.
TRIES = 4


@dataclass
class Sitting:
    """One job and one résumé: the interview and what came of it. ``tries``: how many first tries there were
    of an item; ``firsts``: those that passed, by item."""

    role: str
    resume_text: str
    interview: Interview
    questions: dict[str, Question] = field(default_factory=dict)
    tries: Counter[str] = field(default_factory=Counter)
    firsts: dict[str, list[str]] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)

    @property
    def open_items(self) -> list[str]:
        return [item for item in self.interview.open_items if item not in self.questions]

    @property
    def texts(self) -> list[str]:
        """Of the model's questions, in the plan's order."""
        return [self.questions[item].text for item in self.interview.open_items if item in self.questions]


def sit(
    roles: Sequence[Role],
    speaker: Speaker,
    encoder: Encoder | None,
    seed: int,
    tell: Callable[[str], object] = lambda line: None,
) -> list[Sitting]:
    """An interview of ``COUNT`` questions for each résumé of each role, all of them written together;
    ``tell`` is given a line after each round."""
    sittings = [
        Sitting(
            role.name,
            resume.text,
            open_interview(role.job, resume, count=COUNT, style=speaker.style, today=TODAY, encoder=encoder),
        )
        for role in roles
        for resume in role.resumes
    ]
    for turn, samples in enumerate(ROUNDS):
        asked = [(sitting, item) for sitting in sittings for item in sitting.open_items]
        written = samples if turn else max(samples, TRIES)
        prompts = [sitting.interview.prompt(item) for sitting, item in asked for _ in range(written)]
        if not prompts:
            break
        texts = speaker.write(prompts, seed + turn)
        for at, (sitting, item) in enumerate(asked):
            found = texts[at * written : (at + 1) * written]
            if not turn:
                _try(sitting, item, found[:TRIES], encoder)
            judgement = judge(sitting.interview, item, found[:samples], sitting.texts, encoder)
            if judgement.question:
                sitting.questions[item] = judgement.question
        tell(f"  round {turn + 1} of {len(ROUNDS)}: {len(prompts)} texts for {len(asked)} questions")
    return sittings


def _try(sitting: Sitting, item: str, texts: Sequence[str], encoder: Encoder | None) -> None:
    """Each text judged as if it were the only one, against what is asked already."""
    for text in texts:
        alone = judge(sitting.interview, item, [text], sitting.texts, encoder)
        sitting.tries[item] += 1
        sitting.refused.update(alone.refused)
        if alone.question:
            sitting.firsts.setdefault(item, []).append(alone.question.text)


def like_for_like(
    before: Sequence[Sitting], after: Sequence[Sitting]
) -> tuple[list[list[list[str]]], list[list[list[str]]]]:
    """Of both, by sitting and item, first tries that passed: of the same items and equally many of each, for
    what passes depends on the item, and core questions are less specific than probes."""
    sides: tuple[list[list[list[str]]], list[list[list[str]]]] = ([], [])
    for one, other in zip(before, after, strict=True):
        both = [item for item in one.interview.open_items if item in one.firsts and item in other.firsts]
        for side, sitting, partner in zip(sides, (one, other), (other, one), strict=True):
            side.append([sitting.firsts[item][: len(partner.firsts[item])] for item in both])
    return sides


def asked(
    before: Sequence[Sitting], after: Sequence[Sitting]
) -> tuple[list[list[list[str]]], list[list[list[str]]]]:
    """As ``like_for_like``, of the questions that were chosen in the end."""
    sides: tuple[list[list[list[str]]], list[list[list[str]]]] = ([], [])
    for one, other in zip(before, after, strict=True):
        both = [
            item for item in one.interview.open_items if item in one.questions and item in other.questions
        ]
        for side, sitting in zip(sides, (one, other), strict=True):
            side.append([[sitting.questions[item].text] for item in both])
    return sides
