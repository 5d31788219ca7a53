"""Prompts: few tokens, features instead of documents, and an opening that the model goes on from.

The text before the competency is the same for all probes of a candidate, and for all core questions of a
job, so that the engine computes it once.
"""

import re
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from typing import Literal

from .features import Features
from .item import PlanItem
from .question import Evidence, Slot
from .reading import bare_duty, commands
from .stem import opening_for
from .word import stems

Style = Literal["base", "chat"]
STOPS = ("\n",)
MAX_DUTIES = 8
MAX_DEEDS = 8
MAX_SKILLS = 8
MAX_PHRASE = 12


@dataclass(frozen=True, slots=True)
class Message:
    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """``chat`` style: ``messages``, then the assistant's answer beginning with ``opening``. ``base`` style:
    ``text``, which ends with ``opening``. The model's text follows the opening's last letter."""

    item_id: str
    messages: tuple[Message, ...]
    text: str
    opening: str
    stops: tuple[str, ...] = STOPS


_SYSTEM = "You are an interviewer. You ask one short, clear question about a person's work."
_EXAMPLES = (
    (
        "planning",
        "Tell me about a time you had to plan work for other people, and how you kept it on time.",
    ),
    ("reporting", "Can you walk me through how you prepare a report, and what you check before you send it?"),
    (
        "customer complaints",
        "How would you handle customer complaints when the mistake was made by another team?",
    ),
)
EXAMPLE_QUESTIONS = tuple(question for _, question in _EXAMPLES)


@cache
def prompt_version() -> str:
    """Eight hex digits that change whenever the code does that words the prompts."""
    sources = [(files(__package__) / name).read_bytes() for name in ("prompt.py", "stem.py")]
    return blake2b(b"".join(sources), digest_size=4).hexdigest()


def prompts_for(items: list[PlanItem], features: Features, style: Style) -> dict[str, Prompt]:
    """A prompt for each item, openings varied over the plan."""
    used: set[str] = set()
    prompts = {}
    for item in items:
        prompts[item.id] = prompt_for(item, features, style, opening_for(item, used))
    return prompts


def prompt_for(item: PlanItem, features: Features, style: Style, opening: str) -> Prompt:
    """The item's prompt with the opening that is given."""
    context = _context(features, probe=item.slot is Slot.PROBE)
    return _chat(item, context, opening) if style == "chat" else _base(item, context, opening)


def _chat(item: PlanItem, context: str, opening: str) -> Prompt:
    messages = (
        Message("system", _SYSTEM),
        Message("user", f"{context}\nAsk one question about {item.competency}{_said(item, opening)}."),
    )
    return Prompt(item.id, messages, "", opening)


def _base(item: PlanItem, context: str, opening: str) -> Prompt:
    examples = "".join(f"Competency: {name}\nQuestion: {question}\n\n" for name, question in _EXAMPLES)
    text = (
        f"{context}\n\nInterview questions about a person's work, each about one competency:\n\n"
        f"{examples}Competency: {item.competency}\nQuestion: {opening}"
    )
    return Prompt(item.id, (), text, opening)


def _context(features: Features, *, probe: bool) -> str:
    """The job in two lines, and for a probe what the person did."""
    lines = [f"Job: {features.job_title}." if features.job_title else "A job."]
    if duties := "; ".join(_short(bare_duty(d.quote)) for d in features.duties[:MAX_DUTIES]):
        lines[0] += f" Duties: {duties}."
    elif skills := ", ".join(s.name for s in features.job_skills[:MAX_SKILLS]):
        lines[0] += f" Skills: {skills}."
    if probe and (deeds := "; ".join(_short(a.quote) for a in _deeds(features))):
        lines.append(f"Done before: {deeds}.")
    return "\n".join(lines)


def _said(item: PlanItem, opening: str) -> str:
    """What the documents say of the competency, so that the model asks about that and not about anything.

    Not where the opening asks for a difficulty: it would turn what the candidate achieved into one. Nor
    where the competency says it already.
    """
    evidence = item.resume_evidence or item.job_evidence
    if evidence is None or opening.endswith(" because") or commands(evidence.quote):
        return ""
    said = _short(bare_duty(evidence.quote))
    return f" ({said})" if len(set(stems(said)) - set(stems(item.competency))) > 1 else ""


def _deeds(features: Features) -> list[Evidence]:
    return list(features.achievements[:MAX_DEEDS])


def _short(sentence: str) -> str:
    """The sentence's beginning, 3 to 12 words: up to a comma or a subordinate clause, or cut before a word
    that begins a phrase."""
    text = " ".join(sentence.split())
    ends = (match.start() for match in _CLAUSE.finditer(text))
    words = text[: next((at for at in ends if len(text[:at].split()) >= 3), len(text))].split()
    if len(words) > MAX_PHRASE:
        words = words[
            : max((at for at in range(4, MAX_PHRASE + 1) if words[at] in _LINKS), default=MAX_PHRASE)
        ]
    while len(words) > 2 and words[-1].lower() in _LINKS | _ARTICLES:
        words.pop()
    if words and words[0][1:].islower():
        words[0] = words[0].lower()
    return " ".join(words).strip(" .")


# A comma in a number is followed by a digit, not by a space.
_CLAUSE = re.compile(r"[,;:] | \(| so that | which | that | who | where | while | because ")
_LINKS = frozenset(
    re.findall(
        r"\S+",
        "and or of in with to for on by at from per between under into over within across during through "
        "after before against without including",
    )
)
_ARTICLES = frozenset(("the", "a", "an", "its", "their", "our", "your", "together"))
