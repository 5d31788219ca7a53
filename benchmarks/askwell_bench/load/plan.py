"""What a run asks for, all of it known and checked before anything is sent."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from askwell_client import ModelInfo

from . import option
from . import workload as workloads
from .arrival import gamma_arrivals
from .level import Level, levels_from_text
from .trace import TraceEntry, read_trace


@dataclass(frozen=True, slots=True)
class Plan:
    """``work`` holds one round after the other, each of ``requests``; every level is given the same."""

    levels: list[Level]
    warmup: Sequence[workloads.Work]
    work: Sequence[workloads.Work]
    requests: int
    seed: int
    trace: list[TraceEntry] = field(default_factory=list)

    def round(self, number: int) -> Sequence[workloads.Work]:
        """Rounds count from 0. Another round is other prompts of the same kind, save that a trace repeats."""
        return self.work[number * self.requests : (number + 1) * self.requests]

    def offsets_s(self, level: Level, number: int) -> list[float] | None:
        """When the requests of a round are due; None in a closed loop."""
        if level.loop == "closed":
            return None
        if level.loop == "trace":
            return [entry.at_s for entry in self.trace]
        return gamma_arrivals(level.value, level.burstiness or 1.0, self.requests, self.seed + number)


def plan(given: argparse.Namespace, model: ModelInfo) -> Plan:
    """Raises ValueError or OSError."""
    rounds = given.pairs or 1
    vocabulary = workloads.Vocabulary(model.vocabulary_size, model.positions)
    if given.trace:
        entries = read_trace(given.trace, model.positions)[: given.requests]
        replay = workloads.traced(vocabulary, entries, given.seed)
        levels = [Level("trace", len(entries))]
        return Plan(levels, replay[: given.warmup], replay * rounds, len(entries), given.seed, entries)
    if given.rate:
        levels = levels_from_text(given.rate, "open", given.burstiness)
    else:
        levels = levels_from_text(given.concurrency or "1,2,4,8", "closed", given.burstiness)
    default = option.DEFAULT_ROUND_REQUESTS if given.pairs else option.DEFAULT_REQUESTS
    requests = given.requests or default
    work = _work(given, vocabulary, given.warmup + rounds * requests)
    return Plan(levels, work[: given.warmup], work[given.warmup :], requests, given.seed)


def workload_facts(given: argparse.Namespace, planned: Plan) -> dict[str, Any]:
    """What a result tells of what was asked. ``requests`` are those of a level, or in pairs of a round."""
    level = planned.levels[0]
    return {
        "name": option.workload_name(given),
        "loop": level.loop,
        **({} if level.burstiness is None else {"burstiness": level.burstiness}),
        "requests": planned.requests,
        "warmup": len(planned.warmup),
        "seed": given.seed,
        "limits_ms": {"first": given.ttft_ms, "end_to_end": given.e2e_ms},
        **option.lengths(given),
    }


def _work(
    given: argparse.Namespace, vocabulary: workloads.Vocabulary, count: int
) -> Sequence[workloads.Work]:
    if given.workload == "mixed":
        return workloads.mixed(vocabulary, count, given.seed)
    if given.workload == "sets":
        return workloads.sets(vocabulary, count, given.seed)
    if given.workload == "questions":
        return workloads.questions(given.examples, count)
    shared = given.preamble_tokens if given.workload == "preamble" else 0
    return workloads.preamble(vocabulary, count, given.seed, shared, given.prompt_tokens, given.new_tokens)
