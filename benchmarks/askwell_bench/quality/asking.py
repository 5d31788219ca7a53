"""What is asked for one job: sets of questions, made by the server or beside it.

    own     the right résumé
    again   the same once more: sampling alone differs, as another seed would make it
    other   another candidate's résumé, with own's core given
    twin    the right résumé with another name, gender or school
    rivals  each résumé of the same trade, with own's core given

and the two baselines over the same documents: ``founding`` (the founding script's prompt on the same model)
and ``bank`` (questions of the written bank drawn at random).

The baselines are asked for as many questions as own's set has. ``founding`` runs on the same server and
weights with the same sampling and token limit, is given the skills that our extraction found, and is judged
as it comes: one sample a question, nothing chosen, cut to a sentence or thrown away, as the script did. Ours
may choose among samples and resample what failed; that is what is being compared. ``bank`` draws from all
entries, with no plan to say which suit, and puts in any skill or duty of the job.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from askwell_client import ChatMessage, Client, Features, PromptStyle, Question, QuestionSet, Slot
from askwell_interview.bank import bank
from askwell_interview.rubric import SLOT

from .pair import Pair

# The sampling of both sides is the server's default for questions.
_TEMPERATURE, _TOP_K, _TOP_P, _NEW_TOKENS = 0.7, 50, 0.95, 48
_FOUNDING_SKILLS = 5
_TIMEOUT_S = 300.0


@dataclass(frozen=True, slots=True)
class Asked:
    """``topics``: what the documents offer to ask about, which the baselines were filled with.
    ``extract_s``: seconds of one ExtractFeatures call, as the caller sees it."""

    name: str
    other_name: str
    own: QuestionSet
    again: QuestionSet
    other: QuestionSet
    twin: QuestionSet
    founding: tuple[str, ...]
    bank: tuple[str, ...]
    extract_s: float
    topics: tuple[str, ...] = ()
    rivals: tuple[QuestionSet, ...] = ()


def ask(client: Client, pair: Pair, other: Pair, count: int, random: Random) -> Asked:
    """Everything for one job, one call after the other, on a server that does nothing else."""
    start = time.perf_counter()
    features = client.features(pair.job, pair.resume).features
    extract_s = time.perf_counter() - start
    own = _set(client, pair.job, pair.resume, count)
    return Asked(
        name=pair.name,
        other_name=other.name,
        own=own,
        again=_set(client, pair.job, pair.resume, count),
        other=_set(client, pair.job, other.resume, count, core(own)),
        twin=_set(client, pair.job, pair.twin, count),
        founding=founding(client, features, len(own.questions)),
        bank=random_bank(features, len(own.questions), random),
        extract_s=extract_s,
        topics=topics(features),
        rivals=tuple(_set(client, pair.job, rival, count, core(own)) for rival in pair.rivals),
    )


def core(asked: QuestionSet) -> tuple[Question, ...]:
    return tuple(each for each in asked.questions if each.slot is Slot.CORE)


def probes(asked: QuestionSet) -> tuple[Question, ...]:
    return tuple(each for each in asked.questions if each.slot is Slot.PROBE)


def texts(questions: Sequence[Question]) -> list[str]:
    return [each.text for each in questions]


def topics(features: Features) -> tuple[str, ...]:
    skills = (skill.name for skill in (*features.job_skills, *features.other_skills))
    return tuple(dict.fromkeys([*skills, *(duty.quote for duty in features.duties)]))


def founding(client: Client, features: Features, count: int) -> tuple[str, ...]:
    """What the founding script would have asked: its prompt, the title and the skills filled in.

    The skills are those that job and résumé share, then the résumé's others: the most personal filling.
    """
    if not count:
        return ()
    shared = [skill.name for skill in features.job_skills if skill.resume_evidence]
    named = [*shared, *(skill.name for skill in features.other_skills)][:_FOUNDING_SKILLS]
    prompt = (
        f"Generate an interview question for a {features.job_title or 'candidate'} "
        f"with experience in {', '.join(named) or 'this work'}"
    )
    chat = client.model().prompt_style is PromptStyle.CHAT
    answer = client.generate(
        [ChatMessage("user", prompt)] if chat else prompt,
        num_return=count,
        max_new_tokens=_NEW_TOKENS,
        temperature=_TEMPERATURE,
        top_k=_TOP_K,
        top_p=_TOP_P,
        timeout_s=_TIMEOUT_S,
    )
    return tuple(sample.text.strip() for sample in answer.samples)


def random_bank(features: Features, count: int, random: Random) -> tuple[str, ...]:
    """Any entries of the bank, each about any skill or duty of the job."""
    about = [skill.name for skill in features.job_skills] or [duty.quote for duty in features.duties]
    entries = random.sample(bank(), min(count, len(bank())))
    filled = (entry.text.replace(SLOT, random.choice(about)) for entry in entries)
    return tuple(text[:1].upper() + text[1:] for text in filled)


def _set(client: Client, job: str, resume: str, count: int, given: Sequence[Question] = ()) -> QuestionSet:
    return client.questions(
        job, resume, count=count, core_questions=given, include_text=True, timeout_s=_TIMEOUT_S
    )
