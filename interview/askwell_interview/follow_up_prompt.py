"""The prompt of a follow-up: the question, the gist of the answer, an opening that the model goes on from."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b

from .answer import HYPOTHETICAL, Answer
from .data_file import data_text, first_names, plain_words
from .prompt import Message, Prompt, Style
from .question import Question, QuestionType, Trigger
from .reading import INJECTION
from .skill import gazetteer
from .word import stem, stems

GIST_WORDS = 60
_SYSTEM = "You are an interviewer. You ask one short, clear follow-up question about what the person said."
_EXAMPLES = (
    (
        "Tell me about a report that was late.",
        "The figures of two branches were missing, so I rang both of them.",
        "Ask how it ended.",
        "What changed after you rang the two branches?",
    ),
    (
        "How do you plan a shift?",
        "We always sit together and decide who does what.",
        "Ask what the person did, and not the team.",
        "Which part did you take on when the last shift was planned?",
    ),
)
EXAMPLE_FOLLOW_UPS = tuple(follow_up for *_, follow_up in _EXAMPLES)
_CALENDAR = frozenset(
    re.findall(
        r"\S+",
        "january february march april may june july august september october november december monday "
        "tuesday wednesday thursday friday saturday sunday christmas easter",
    )
)


@dataclass(frozen=True, slots=True)
class Manner:
    """How to follow up on one kind of answer. ``standing`` is asked where nobody has anything better."""

    goal: str
    openings: tuple[str, ...]
    standing: str


def manner_for(trigger: Trigger, type: QuestionType) -> Manner:
    return _manners()[trigger, type not in HYPOTHETICAL]


@cache
def _manners() -> dict[tuple[Trigger, bool], Manner]:
    return {
        (Trigger[entry["trigger"]], entry["told"]): Manner(
            entry["goal"], tuple(entry["openings"]), entry["standing"]
        )
        for entry in tomllib.loads(data_text("follow_up.toml"))["follow_up"]
    }


def gist_of(answer: Answer, question: str) -> str:
    """The answer's first clauses, at most GIST_WORDS words. A clause is left out that holds a name which is
    no skill's and not in the question, or that speaks to the model."""
    known = frozenset(stems(question))
    kept: list[str] = []
    sentence_starts = True
    for clause in re.split(r"(?<=[,;:.!?]) ", answer.text):
        if len(kept) + len(clause.split()) > GIST_WORDS:
            break
        if not INJECTION.search(clause) and _nameless(clause, known, sentence_starts):
            kept += clause.split()
        sentence_starts = clause.endswith((".", "!", "?"))
    return " ".join(kept).rstrip(" ,;:")


def _nameless(clause: str, known: frozenset[str], sentence_starts: bool) -> bool:
    known |= {s for hit in gazetteer().hits(clause) for s in stems(clause[hit.start : hit.end])}
    for place, word in enumerate(re.findall(r"[^\W\d_][\w'’-]*", clause)):
        low = word.casefold()
        if not any(letter.isupper() for letter in word) or low in _CALENDAR or stem(low) in known:
            continue
        first = place == 0 and sentence_starts and low not in first_names()
        if stem(low) not in plain_words() and not first:
            return False
    return True


def follow_up_prompt(question: Question, gist: str, trigger: Trigger, style: Style) -> Prompt:
    """The trigger's opening turns with the answer, so that one question is not always followed alike."""
    manner = manner_for(trigger, question.type)
    turn = int.from_bytes(blake2b(gist.encode(), digest_size=2).digest(), "big")
    opening = manner.openings[turn % len(manner.openings)]
    asked = " ".join(question.text.split())
    if style == "chat":
        messages = (
            Message("system", _SYSTEM),
            Message("user", f"Question: {asked}\nAnswer: {gist}\n{manner.goal}"),
        )
        return Prompt("", messages, "", opening)
    examples = "".join(
        f"Question: {q}\nAnswer: {a}\n({goal})\nFollow-up: {f}\n\n" for q, a, goal, f in _EXAMPLES
    )
    text = f"{examples}Question: {asked}\nAnswer: {gist}\n({manner.goal})\nFollow-up: {opening}"
    return Prompt("", (), text, opening)
