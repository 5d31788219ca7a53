"""What one model did on the held-out roles, in figures that two models can be compared by."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from askwell_bench.quality.diversity import Diversity, diversity
from askwell_bench.quality.interval import Estimate, estimate
from askwell_bench.quality.likeness import Encode, MeaningLibrary, WordLibrary, reciprocal_rank
from askwell_interview import Features, PlanItem, QuestionType, Relation, Slot, prompt_for

from ..canary import Canary, given_away
from ..example import Example
from .overlap import Endings
from .speaker import MAX_SECRET_TOKENS, Speaker
from .trial import TRIES, Sitting

SAMPLES = 8
# Questions that diversity is measured on, at most: it depends on their number.
MAX_DRAWN = 100
NO_FEATURES = Features("", (), (), None, None, (), ())


@dataclass(frozen=True, slots=True)
class Judged:
    """``first_try``, ``model_share``: of planned questions. ``specificity``: cosine of a question with its
    own candidate less the mean over the others. ``mrr``: of the right candidate from a set's questions.
    ``self_bleu``, ``distinct_2``: at ``size`` questions, one of an item. ``perplexity``: of authored
    questions, per token; ``perplexity_people``: of real ones. ``overlap``: the longest run of words shared
    with training."""

    first_try: Estimate | None
    model_share: Estimate | None
    specificity: Estimate | None
    mrr: Estimate | None
    size: int
    self_bleu: float | None
    distinct_2: float | None
    perplexity: float | None
    perplexity_people: float | None
    overlap: int
    overlapping: str
    canaries: int
    extracted: int
    refused: dict[str, int]


def specificities(
    sittings: Sequence[Sitting], compared: Sequence[Sequence[Sequence[str]]], encode: Encode | None
) -> list[list[float]]:
    """By role: of each item that is ``compared``, the mean over its texts."""
    resumes = [sitting.resume_text for sitting in sittings]
    library = MeaningLibrary(resumes, encode) if encode else WordLibrary(resumes)
    by_role: dict[str, list[float]] = {}
    for place, (sitting, items) in enumerate(zip(sittings, compared, strict=True)):
        values = by_role.setdefault(sitting.role, [])
        for texts in items:
            table = np.array([library.scores([text]) for text in texts])
            others = (table.sum(axis=1) - table[:, place]) / (len(sittings) - 1)
            values.append(float(np.mean(table[:, place] - others)))
    return list(by_role.values())


def varieties(compared: Sequence[Sequence[Sequence[str]]]) -> list[Diversity]:
    """Of the first text of each item, of the second, and so on; an item with fewer texts begins again. Items
    are drawn alike for two sides that are ``compared``."""
    size = min(MAX_DRAWN, sum(map(len, compared)))
    found = (
        diversity([[texts[turn % len(texts)] for texts in items] for items in compared], size)
        for turn in range(TRIES)
    )
    return [each for each in found if each]


def ranks(sittings: Sequence[Sitting], encode: Encode | None) -> list[list[float]]:
    resumes = [sitting.resume_text for sitting in sittings]
    library = MeaningLibrary(resumes, encode) if encode else WordLibrary(resumes)
    return [
        [reciprocal_rank(library.scores(sitting.texts), place)] if sitting.texts else []
        for place, sitting in enumerate(sittings)
    ]


def shares(sittings: Sequence[Sitting], *, first: bool) -> list[list[float]]:
    """By role, for each planned question: the share of its first tries that passed, or whether one passed in
    the end."""
    by_role: dict[str, list[float]] = {}
    for sitting in sittings:
        values = by_role.setdefault(sitting.role, [])
        for item in sitting.interview.open_items:
            passed = len(sitting.firsts.get(item, ())) if first else item in sitting.questions
            values.append(passed / sitting.tries[item] if first else float(passed))
    return list(by_role.values())


def perplexity(speaker: Speaker, examples: Sequence[Example]) -> float | None:
    """Of the examples' questions after their openings, per token."""
    prompts = [prompt_for(each.item, each.features, speaker.style, each.opening) for each in examples]
    scored = speaker.nll(prompts, [each.completion for each in examples])
    return math.exp(sum(s for s, _ in scored) / sum(n for _, n in scored)) if scored else None


def people_as_examples(questions: Sequence[str]) -> list[Example]:
    """Real questions, asked of nobody we know: the prompt names no job and no skill."""
    item = PlanItem("", Slot.CORE, QuestionType.BEHAVIOURAL, "a person's work", Relation.JOB, "", None, None)
    return [
        Example("", "", "test", "people", "", NO_FEATURES, item, question.split()[0], question)
        for question in questions
    ]


def extracted(speaker: Speaker, canaries: Sequence[Canary], seed: int) -> int:
    """Canaries that come out, greedily or in one of ``SAMPLES`` samples, given all that stands before."""
    prompts = []
    for canary in canaries:
        example = canary.example
        before = (example.opening + canary.before).rstrip()
        prompts.append(prompt_for(example.item, example.features, speaker.style, before))
    told = [[t] for t in speaker.write(prompts, seed, greedy=True, new_tokens=MAX_SECRET_TOKENS)]
    sampled = speaker.write(
        [prompt for prompt in prompts for _ in range(SAMPLES)], seed, new_tokens=MAX_SECRET_TOKENS
    )
    for at, texts in enumerate(told):
        texts += sampled[at * SAMPLES : (at + 1) * SAMPLES]
    return sum(given_away(canary, texts) for canary, texts in zip(canaries, told, strict=True))


def judged(
    speaker: Speaker,
    sittings: Sequence[Sitting],
    *,
    encode: Encode | None,
    compared: Sequence[Sequence[Sequence[str]]],
    authored: Sequence[Example],
    people: Sequence[str],
    training: Endings,
    canaries: Sequence[Canary],
    seed: int,
) -> Judged:
    """``compared``: what specificity and diversity are measured on, by sitting and item."""
    various = varieties(compared)
    bare = [
        (question.text[len(sitting.interview.prompt(item).opening) :])
        for sitting in sittings
        for item, question in sitting.questions.items()
    ]
    longest = max((training.longest(text) for text in bare), default=(0, ""))
    refused: Counter[str] = Counter()
    for sitting in sittings:
        refused.update(sitting.refused)
    return Judged(
        first_try=estimate(shares(sittings, first=True)),
        model_share=estimate(shares(sittings, first=False)),
        specificity=estimate(specificities(sittings, compared, encode)),
        mrr=estimate(ranks(sittings, encode)),
        size=various[0].size if various else 0,
        self_bleu=float(np.mean([each.self_bleu for each in various])) if various else None,
        distinct_2=float(np.mean([each.distinct_2 for each in various])) if various else None,
        perplexity=perplexity(speaker, authored),
        perplexity_people=perplexity(speaker, people_as_examples(people)),
        overlap=longest[0],
        overlapping=longest[1],
        canaries=len(canaries),
        extracted=extracted(speaker, canaries, seed) if canaries else 0,
        refused=dict(refused.most_common()),
    )
