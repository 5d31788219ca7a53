"""The run itself: load every peer, then round by round give each the same work in turn.

All are loaded at once and only one has work: an idle peer waits in a read. Peers take turns within a
workload, so that a ratio compares two runs of one round, and each round begins with another peer.
"""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from .outcome import Outcome, Series
from .process import PeerFailed, PeerProcess
from .variant import ASKWELL, Site, Variant
from .workload import LONG, Workload

LOAD_S, JOB_S = 300.0, 900.0
PAUSE_S = 0.3
"""Threads of the one before spin for a while after their work; the next shall not pay for it."""


class Contest:
    """Usable once: ``prepare``, then ``round`` by number from 1; ``close`` in any case."""

    def __init__(self, site: Site, variants: Iterable[Variant], text: Callable[[Sequence[int]], str]) -> None:
        """``text`` reads the ids of a sample for a person."""
        self._site = site
        self._text_of = text
        self._variants = tuple(variants)
        self._processes: dict[int, PeerProcess] = {}
        self._perplexities: dict[tuple[str | None, ...], float] = {}
        self.outcomes = [Outcome(variant.name, site.title(variant)) for variant in self._variants]

    @property
    def ours(self) -> Outcome:
        return next(outcome for outcome in self.outcomes if outcome.name == ASKWELL)

    def prepare(
        self, workloads: Sequence[Workload], windows: Sequence[Sequence[int]], end_ids: Sequence[int]
    ) -> None:
        """Start, load, take the perplexity and warm up, one after the other."""
        for index, (variant, outcome) in enumerate(zip(self._variants, self.outcomes, strict=True)):
            self._try(index, partial(self._load, index, variant, end_ids))
            self._try(index, partial(self._weigh, index, windows))
            for workload in workloads:
                if _takes_part(variant, workload):
                    self._try(index, partial(self._serve, index, workload, 0))
            if not outcome.absent:
                told = f"perplexity {outcome.perplexity:.2f}" if outcome.perplexity else "no perplexity"
                print(f"  {_title(outcome)}: loaded in {outcome.load_s:.1f} s, {told}", flush=True)

    def round(self, number: int, workloads: Sequence[Workload]) -> None:
        order = list(range(len(self.outcomes)))
        first = (number - 1) % len(order)
        for workload in workloads:
            for index in order[first:] + order[:first]:
                if _takes_part(self._variants[index], workload):
                    self._try(index, partial(self._serve, index, workload, number))

    def close(self) -> None:
        for process in self._processes.values():
            process.close()
        self._processes.clear()

    def _try(self, index: int, act: Callable[[], None]) -> None:
        """A peer that fails is out, with its reason; the others go on."""
        outcome = self.outcomes[index]
        if outcome.absent:
            return
        try:
            act()
        except PeerFailed as failed:
            outcome.absent = str(failed)
            print(f"  {_title(outcome)}: out: {failed}", flush=True)
            if process := self._processes.pop(index, None):
                process.close()

    def _load(self, index: int, variant: Variant, end_ids: Sequence[int]) -> None:
        python = self._site.python(variant)
        process = PeerProcess(python, self._site.peers / variant.name / "peer.py")
        self._processes[index] = process
        facts = process.ask(
            "load",
            LOAD_S,
            way=variant.way,
            model=str(self._site.model.resolve()),
            gguf=str(self._site.gguf_for(variant).resolve()),
            end_ids=list(end_ids),
            threads=variant.threads,
        )
        outcome = self.outcomes[index]
        for name in ("version", "weights", "compute", "threads", "load_s"):
            setattr(outcome, name, facts[name])

    def _weigh(self, index: int, windows: Sequence[Sequence[int]]) -> None:
        """Perplexity, once for the same weights and compute: that of a server is its library's."""
        outcome = self.outcomes[index]
        key = (outcome.name, outcome.weights, outcome.compute)
        tokens = sum(len(window) - 1 for window in windows)
        if key not in self._perplexities:
            found = self._processes[index].ask(
                "perplexity", JOB_S, windows=[list(window) for window in windows]
            )
            if found["nll"] is None:
                return
            self._perplexities[key] = math.exp(found["nll"] / tokens)
        outcome.perplexity, outcome.perplexity_tokens = self._perplexities[key], tokens

    def _serve(self, index: int, workload: Workload, number: int) -> None:
        """Round 0 warms up, with one request, and counts for nothing."""
        asked = [asdict(request) for request in workload.rounds[number]] if number else workload.warmup
        reply = self._processes[index].ask("serve", JOB_S, requests=asked)
        time.sleep(PAUSE_S)
        if not number:
            return
        outcome = self.outcomes[index]
        outcome.memory_mib = reply["memory_mib"]
        outcome.sample = outcome.sample or self._text(reply["answers"][0])
        series = outcome.series.setdefault(workload.name, Series())
        series.add(number, workload.rounds[number], reply)
        unequal = "" if series.equal_tokens else ", UNEQUAL TOKENS"
        print(
            f"  round {number} {workload.name}: {_title(outcome)}: {reply['seconds']:.2f} s{unequal}",
            flush=True,
        )

    def _text(self, answer: dict[str, Any]) -> str:
        return str(answer["text"]) if answer["text"] is not None else self._text_of(answer["ids"])


def _takes_part(variant: Variant, workload: Workload) -> bool:
    return variant.long or workload.name not in LONG


def _title(outcome: Outcome) -> str:
    return f"{outcome.name} ({outcome.variant})"
