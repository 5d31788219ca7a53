"""Generated requests of mixed options, all greedy: what the model must answer is known.

The same source of chance gives the same requests: ``random.Random(0)`` in the benchmarks, hypothesis's own in
the tests, which then finds the smallest request that breaks something.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

_SUPPRESSED = ("the", "and", ",", ".", "\n")
"""Texts that a model is likely to want."""
_ASKED_OF_A_PROMPT = 4
_LONGER = 4


@dataclass(frozen=True, slots=True)
class Choice:
    """What the tokens of a greedy answer depend on: the prompt, and what changes the logits."""

    prompt: tuple[int, ...]
    min_new_tokens: int = 0
    repetition_penalty: float = 1.0
    no_repeat_ngram_size: int = 0
    suppress: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. ``ending`` asks for a stop at about ``ending_share`` of the text, which only the text can
    name: ``ending_in`` of the reference does. ``leave_after`` tokens its caller goes away."""

    choice: Choice
    max_new_tokens: int
    ending: Literal["", "string", "token"] = ""
    ending_share: float = 0.0
    stop_sequences: tuple[str, ...] = ()
    include_stop: bool = False
    stop_token_ids: tuple[int, ...] = ()
    num_return: int = 1
    logprobs: bool = False
    reproducible: bool = False
    leave_after: int | None = None

    def options(self) -> dict[str, Any]:
        """As the client's keyword arguments."""
        choice = self.choice
        return {
            "temperature": 0.0,
            "token_ids": True,
            "max_new_tokens": self.max_new_tokens,
            "min_new_tokens": choice.min_new_tokens,
            "repetition_penalty": choice.repetition_penalty,
            "no_repeat_ngram_size": choice.no_repeat_ngram_size,
            "suppress": choice.suppress,
            "stop_sequences": self.stop_sequences,
            "include_stop": self.include_stop,
            "stop_token_ids": self.stop_token_ids,
            "num_return": self.num_return,
            "logprobs": self.logprobs,
            "reproducible": self.reproducible,
        }


@dataclass(frozen=True, slots=True)
class Bounds:
    """How large requests get, save that a few are four times as long: others then wait for them.

    A prompt and its new tokens must fit the model's positions together.
    """

    vocabulary_size: int
    prompt_tokens: int = 48
    new_tokens: int = 16


def requests(random: Random, bounds: Bounds) -> Iterator[Asked]:
    """Endlessly. Prompts come in families that share a beginning, and each is asked a few times, with other
    lengths and endings: what is chosen is the same each time, so that fewer answers must be worked out alone.
    """
    while True:
        shared = _tokens(random, random.randrange(bounds.prompt_tokens), bounds)
        prompts = [_prompt(random, shared, bounds) for _ in range(random.randint(1, 4))]
        choices = [_choice(random, prompt, bounds) for prompt in prompts]
        for _ in range(_ASKED_OF_A_PROMPT):
            yield from (_asked(random, choice, bounds) for choice in choices)


def _prompt(random: Random, shared: tuple[int, ...], bounds: Bounds) -> tuple[int, ...]:
    """Rarely of one token: the engine has a rule of its own for those."""
    if random.random() < 0.05:
        return _tokens(random, 1, bounds)
    return shared + _tokens(random, random.randint(1, bounds.prompt_tokens - len(shared)), bounds)


def _tokens(random: Random, count: int, bounds: Bounds) -> tuple[int, ...]:
    """From the middle of the vocabulary, for special tokens stand at its ends."""
    low, high = bounds.vocabulary_size // 4, bounds.vocabulary_size * 7 // 8
    return tuple(random.randrange(low, high) for _ in range(count))


def _choice(random: Random, prompt: tuple[int, ...], bounds: Bounds) -> Choice:
    kind = random.choice(("plain", "plain", "plain", "minimum", "penalty", "ngram", "suppress"))
    if kind == "minimum":
        return Choice(prompt, min_new_tokens=random.randint(1, bounds.new_tokens // 2))
    if kind == "penalty":
        return Choice(prompt, repetition_penalty=random.choice((1.1, 1.5)))
    if kind == "ngram":
        return Choice(prompt, no_repeat_ngram_size=random.choice((1, 2, 3)))
    if kind == "suppress":
        return Choice(prompt, suppress=tuple(random.sample(_SUPPRESSED, random.randint(1, 3))))
    return Choice(prompt)


def _asked(random: Random, choice: Choice, bounds: Bounds) -> Asked:
    """A text with a minimum has no stop, and nobody leaves more than one sample: what then happens is
    another question."""
    length = random.randint(max(1, choice.min_new_tokens), bounds.new_tokens)
    length *= _LONGER if random.random() < 0.04 else 1
    kind = random.choice(("plain", "plain", "string", "token", "many", "leave"))
    if kind in ("string", "token") and choice.min_new_tokens:
        kind = "plain"
    return Asked(
        choice,
        # The engine may still be asked for a minimum of a batch that a row of fixed length fulfils anyway.
        choice.min_new_tokens if choice.min_new_tokens and random.random() < 0.3 else length,
        ending="string" if kind == "string" else "token" if kind == "token" else "",
        ending_share=random.random(),
        include_stop=random.random() < 0.5,
        num_return=random.randint(2, 4) if kind == "many" else 1,
        logprobs=random.random() < 0.2,
        reproducible=random.random() < 0.1,
        leave_after=random.randint(1, length) if kind == "leave" else None,
    )
