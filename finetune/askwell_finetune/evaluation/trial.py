"""Held-out interviews: what passes the gates at once, and what in the end, as the server would have it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from askwell_interview import Encoder, Interview, Question, Slot, judge, open_interview

from ..occasion import TODAY
from ..role import Role
from .speaker import Speaker

COUNT = 8
# Texts of a round, as many as the server writes.
ROUNDS = (2, 4, 4)


@dataclass
class Sitting:
    """One job and one résumé: the interview and what came of it."""

    role: str
    resume_text: str
    interview: Interview
    first_try: dict[str, bool] = field(default_factory=dict)
    questions: dict[str, Question] = field(default_factory=dict)
    firsts: list[str] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)

    @property
    def open_items(self) -> list[str]:
        return [item for item in self.interview.open_items if item not in self.questions]

    @property
    def texts(self) -> list[str]:
        """Of the model's questions, in the plan's order."""
        return [self.questions[item].text for item in self.interview.open_items if item in self.questions]

    @property
    def probes(self) -> list[str]:
        return [each.text for each in self.questions.values() if each.slot is Slot.PROBE]


def sit(roles: Sequence[Role], speaker: Speaker, encoder: Encoder | None, seed: int) -> list[Sitting]:
    """An interview of ``COUNT`` questions for each résumé of each role, all of them written together."""
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
        prompts = [sitting.interview.prompt(item) for sitting, item in asked for _ in range(samples)]
        if not prompts:
            break
        texts = speaker.write(prompts, seed + turn)
        for at, (sitting, item) in enumerate(asked):
            _settle(sitting, item, texts[at * samples : (at + 1) * samples], encoder, first=turn == 0)
    return sittings


def _settle(
    sitting: Sitting, item: str, texts: Sequence[str], encoder: Encoder | None, *, first: bool
) -> None:
    """The first text alone tells what passes on the first try; then the best of all of them is taken."""
    if first:
        alone = judge(sitting.interview, item, texts[:1], sitting.texts, encoder)
        sitting.first_try[item] = alone.question is not None
        sitting.refused.update(alone.refused)
        if alone.question:
            sitting.firsts.append(alone.question.text)
    judgement = judge(sitting.interview, item, texts, sitting.texts, encoder)
    if judgement.question:
        sitting.questions[item] = judgement.question
