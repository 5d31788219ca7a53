"""The prompt of a follow-up: the question, the gist of the answer, an opening that the model goes on from."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib.resources import files

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
_WORD = re.compile(r"(?:(?:at|by|for|from|in|near|of|to|with|called|named) )?(?P<word>[^\W\d_][\w'’-]*)")


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


@cache
def follow_up_version() -> str:
    """As ``prompt.prompt_version``, of the code and the texts that word this prompt."""
    code = (files(__package__) / "follow_up_prompt.py").read_bytes()
    return blake2b(code + data_text("follow_up.toml").encode(), digest_size=4).hexdigest()


def gist_of(answer: Answer, question: str) -> str:
    """The answer's beginning, at most GIST_WORDS words, without names that are no skill's and do not stand in
    the question, and without what speaks to the model."""
    asked = frozenset(stems(question))
    kept: list[str] = []
    for sentence in re.split(r"(?<=[.!?]) ", answer.text):
        if not INJECTION.search(sentence):
            kept += _nameless(sentence, asked).split()
    return " ".join(kept[:GIST_WORDS]).rstrip(" ,;:")


def _nameless(sentence: str, known: frozenset[str]) -> str:
    """The sentence without capitalised words that are not known, and without the preposition before one."""
    hits = gazetteer().hits(sentence)
    known |= {s for hit in hits for s in stems(sentence[hit.start : hit.end])}

    def checked(match: re.Match[str]) -> str:
        word = match.group("word")
        first = match.start() == 0 and word[1:].islower() and word.casefold() not in first_names()
        fine = word.islower() or first or word.casefold() in _CALENDAR or stem(word) in known | plain_words()
        return match.group() if fine else ""

    return _WORD.sub(checked, sentence)


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
