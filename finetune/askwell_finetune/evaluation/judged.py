"""What one model did on the held-out roles, in figures that two models can be compared by."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from askwell_bench.quality.diversity import diversity_draws
from askwell_bench.quality.interval import Estimate, estimate
from askwell_bench.quality.likeness import Encode, MeaningLibrary, WordLibrary, reciprocal_rank
from askwell_interview import Features, PlanItem, QuestionType, Relation, Slot, prompt_for

from ..canary import Canary, given_away
from ..example import Example
from .overlap import Endings
from .speaker import Speaker
from .trial import TRIES, Sitting

SAMPLES = 8
# Questions that diversity is measured on, at most: it depends on their number.
MAX_DRAWN = 100
Compared: TypeAlias = Sequence[Sequence[Sequence[str]]]
"""By sitting and item: texts of one side, as ``like_for_like`` gives them."""

NO_FEATURES = Features("", (), (), None, None, (), ())


@dataclass(frozen=True, slots=True)
class Judged:
    """``first_try``, ``model_share``: of planned questions. ``specificity``: cosine of a question with its
    own candidate less the mean over the others. ``mrr``: of the right candidate from a set's questions.
    ``self_bleu``, ``distinct_2``: at ``size`` questions, one of an item. ``perplexity``: of authored
    questions, per token and each question alike; ``perplexity_people``: of real ones. ``overlap``: the
    longest run of words shared with training."""

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
    sittings: Sequence[Sitting], compared: Compared, encode: Encode | None
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


def varieties(sittings: Sequence[Sitting], compared: Compared) -> npt.NDArray[np.float64] | None:
    """Draws of ``diversity_draws``, roles with replacement, half of the items that are ``compared`` each: of
    the first text of each item, then of the second, and so on; an item with fewer texts begins again. The
    draws of two sides that are ``compared`` are of the same items. None for too few."""
    size = min(MAX_DRAWN, sum(map(len, compared)) // 2)
    rows = []
    for turn in range(TRIES):
        by_role: dict[str, list[str]] = {}
        for sitting, items in zip(sittings, compared, strict=True):
            by_role.setdefault(sitting.role, []).extend(texts[turn % len(texts)] for texts in items)
        rows.append(diversity_draws(list(by_role.values()), size, seed=turn))
    return None if rows[0] is None else np.concatenate([row for row in rows if row is not None])


def ranks(sittings: Sequence[Sitting], encode: Encode | None) -> list[list[float]]:
    """By role: of each candidate, 1 over the place that the set's questions find them at."""
    resumes = [sitting.resume_text for sitting in sittings]
    library = MeaningLibrary(resumes, encode) if encode else WordLibrary(resumes)
    by_role: dict[str, list[float]] = {}
    for place, sitting in enumerate(sittings):
        found = by_role.setdefault(sitting.role, [])
        if sitting.texts:
            found.append(reciprocal_rank(library.scores(sitting.texts), place))
    return list(by_role.values())


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


def likelihoods(speaker: Speaker, examples: Sequence[Example]) -> list[list[float]]:
    """By role: the mean negative log-likelihood of each example's tokens behind its opening, in nats."""
    prompts = [prompt_for(each.item, each.features, speaker.style, each.opening) for each in examples]
    by_role: dict[str, list[float]] = {}
    scored = speaker.nll(prompts, [each.completion for each in examples])
    for example, (summed, tokens) in zip(examples, scored, strict=True):
        by_role.setdefault(example.role, []).append(summed / tokens)
    return list(by_role.values())


def perplexity(found: Sequence[Sequence[float]]) -> float | None:
    """Of examples by their ``likelihoods``, each example counted alike."""
    every = [value for values in found for value in values]
    return math.exp(sum(every) / len(every)) if every else None


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
    longest = max(speaker.length(f" {canary.secret}?") for canary in canaries)
    told = [[t] for t in speaker.write(prompts, seed, greedy=True, new_tokens=longest)]
    sampled = speaker.write([prompt for prompt in prompts for _ in range(SAMPLES)], seed, new_tokens=longest)
    for at, texts in enumerate(told):
        texts += sampled[at * SAMPLES : (at + 1) * SAMPLES]
    return sum(given_away(canary, texts) for canary, texts in zip(canaries, told, strict=True))


def judged(
    speaker: Speaker,
    sittings: Sequence[Sitting],
    *,
    encode: Encode | None,
    compared: Compared,
    authored: Sequence[Sequence[float]],
    people: Sequence[Sequence[float]],
    training: Endings,
    canaries: Sequence[Canary],
    seed: int,
) -> Judged:
    """``compared``: what specificity and diversity are measured on, by sitting and item. ``authored``,
    ``people``: the ``likelihoods`` of their questions."""
    various = varieties(sittings, compared)
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
        size=min(MAX_DRAWN, sum(map(len, compared)) // 2),
        self_bleu=None if various is None else float(various[:, 2].mean()),
        distinct_2=None if various is None else float(various[:, 1].mean()),
        perplexity=perplexity(authored),
        perplexity_people=perplexity(people),
        overlap=longest[0],
        overlapping=longest[1],
        canaries=len(canaries),
        extracted=extracted(speaker, canaries, seed) if canaries else 0,
        refused=dict(refused.most_common()),
    )
