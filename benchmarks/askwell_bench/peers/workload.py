"""What is asked of every peer: the same token ids, lengths, numbers of texts and due times.

Each round asks the same of other prompts, so that no cache answers a round from the one before; round 0 warms
up. Prompts are slices of the examples' text, or what Askwell really asks about the examples' candidates.
Peers that take text alone must read the same tokens from it, so slices whose text reads otherwise are
passed over.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import tokenizers
from askwell_interview import Document, Slot, document_from_bytes, open_interview
from askwell_manifest import Manifest
from askwell_server.engine.tokenizer import Tokenizer
from askwell_server.rpc.chat import ChatTemplate, Turn

from ..load.arrival import gamma_arrivals

NAMES = ("one", "set", "sets", "mixed")
LONG = ("sets", "mixed")
"""Minutes a round with every peer."""
ONE_PROMPT, ONE_NEW = 128, 64
SAMPLES, SET_NEW = 8, 40
CANDIDATES = 16
MIXED_PROMPT, MIXED_NEW = (32, 512), (16, 128)
WINDOW = 512
_TRIES = 1000


@dataclass(frozen=True, slots=True)
class Request:
    """As the peers' protocol has it."""

    prompt: tuple[int, ...]
    text: str
    samples: int
    new_tokens: int
    due_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Workload:
    """``rounds[0]`` is for warming up. ``rate_per_s``: how many requests come in a second, or None when all
    are due at once."""

    name: str
    rounds: tuple[tuple[Request, ...], ...]
    rate_per_s: float | None = None

    @property
    def warmup(self) -> list[dict[str, Any]]:
        """One request of its kind, due at once."""
        return [{**asdict(self.rounds[0][0]), "due_s": 0.0}]

    def facts(self) -> dict[str, Any]:
        measured = [request for asked in self.rounds[1:] for request in asked]
        return {
            "rounds": len(self.rounds) - 1,
            "requests": len(self.rounds[1]),
            "prompt_tokens": round(median(len(request.prompt) for request in measured)),
            "new_tokens": round(median(request.new_tokens for request in measured)),
            "samples": measured[0].samples,
            "rate_per_s": self.rate_per_s,
            "ratio_of": "seconds" if self.rate_per_s is None else "median end to end",
        }


class Source:
    """The examples' documents, and the model's own tokenizer and template to make prompts of them.

    Raises ValueError or OSError for a folder without examples, or a model that cannot take them.
    """

    def __init__(self, model: Path, manifest: Manifest, examples: Path) -> None:
        self._manifest = manifest
        self._tokenizer = Tokenizer.from_folder(model, manifest)
        self._speller = tokenizers.Tokenizer.from_file(str(model / "tokenizer.json"))
        self._jobs, self._resumes = _documents(examples / "jobs"), _documents(examples / "resumes")
        if not self._jobs or not self._resumes:
            raise ValueError(f"{examples} holds no jobs/ and resumes/; name such a folder with --examples")
        texts = [self._encode(each.text) for each in (*self._jobs, *self._resumes)]
        self._stream = [each for text in texts for each in text]
        self.windows = [text[i : i + WINDOW] for text in texts for i in range(0, len(text) - 1, WINDOW)]

    @property
    def end_ids(self) -> tuple[int, ...]:
        return self._tokenizer.end_ids

    def workload(self, name: str, rounds: int, requests: int, rate_per_s: float) -> Workload:
        """One of ``NAMES``. ``requests`` and ``rate_per_s`` are those of mixed.

        Raises ValueError for a model that has too few positions.
        """
        if name == "mixed":
            made = tuple(self._mixed(number, requests, rate_per_s) for number in range(rounds + 1))
            workload = Workload(name, made, rate_per_s)
        else:
            make = {"one": self._one, "set": self._set, "sets": self._sets}[name]
            workload = Workload(name, tuple(make(number) for number in range(rounds + 1)))
        longest = max(len(each.prompt) + each.new_tokens for asked in workload.rounds for each in asked)
        if longest > self._manifest.positions:
            raise ValueError(f"{name} needs {longest} positions; the model has {self._manifest.positions}")
        return workload

    def text(self, ids: Sequence[int]) -> str:
        """Special tokens spelled out."""
        return str(self._speller.decode(list(ids), skip_special_tokens=False))

    def _one(self, number: int) -> tuple[Request, ...]:
        return (self._slice(np.random.default_rng(number), ONE_PROMPT, ONE_NEW),)

    def _set(self, number: int) -> tuple[Request, ...]:
        return (self._candidate(number),)

    def _sets(self, number: int) -> tuple[Request, ...]:
        return tuple(self._candidate(number * CANDIDATES + each) for each in range(CANDIDATES))

    def _mixed(self, number: int, count: int, rate_per_s: float) -> tuple[Request, ...]:
        """The same lengths at the same times in every round, of other text."""
        lengths = np.random.default_rng(0)
        prompts, news = _log_normal(lengths, count, *MIXED_PROMPT), _log_normal(lengths, count, *MIXED_NEW)
        arrivals_s = gamma_arrivals(rate_per_s, 1.0, count, 0)
        random = np.random.default_rng(number + 1)
        return tuple(
            self._slice(random, prompt, new, due_s)
            for prompt, new, due_s in zip(prompts, news, arrivals_s, strict=True)
        )

    def _slice(
        self, random: np.random.Generator, length: int, new_tokens: int, due_s: float = 0.0
    ) -> Request:
        for _ in range(_TRIES):
            start = int(random.integers(0, len(self._stream) - length))
            ids = tuple(self._stream[start : start + length])
            text = self.text(ids)
            if "\ufffd" not in text and self._encode(text) == ids:
                return Request(ids, text, 1, new_tokens, due_s)
        raise ValueError(f"the examples hold no {length} tokens that read the same from their text")

    def _candidate(self, number: int) -> Request:
        """What Askwell would ask for a probe of this candidate: every résumé is held against every job."""
        shift, first = divmod(number, len(self._jobs))
        job = self._jobs[first]
        resume = self._resumes[(first + shift) % len(self._resumes)]
        interview = open_interview(job, resume, count=8, style=self._manifest.prompt_style)
        items = [interview.item(each) for each in interview.open_items]
        item = next((each for each in items if each.slot is Slot.PROBE), items[0])
        prompt = interview.prompt(item.id)
        if self._manifest.prompt_style == "base" or self._manifest.chat_template is None:
            return Request(self._encode(prompt.text), prompt.text, SAMPLES, SET_NEW)
        template = ChatTemplate(
            self._manifest.chat_template,
            bos_token=self._manifest.bos_token,
            eos_token=self._manifest.end_tokens[0],
        )
        turns = [Turn(message.role, message.content) for message in prompt.messages]
        ids = template.encode(turns, self._tokenizer, opening=prompt.opening, field="messages")
        return Request(ids, self.text(ids), SAMPLES, SET_NEW)

    def _encode(self, text: str) -> tuple[int, ...]:
        return self._tokenizer.encode(text, specials=False)


def _documents(folder: Path) -> list[Document]:
    return [document_from_bytes(path.read_bytes()) for path in sorted(folder.glob("*.*"))]


def _log_normal(random: np.random.Generator, count: int, low: int, high: int) -> list[int]:
    """Lengths whose logarithms are normal; the bounds lie two deviations off, and nothing beyond them."""
    middle, deviation = math.log(low * high) / 2, math.log(high / low) / 4
    return [int(each) for each in random.lognormal(middle, deviation, count).round().clip(low, high)]
