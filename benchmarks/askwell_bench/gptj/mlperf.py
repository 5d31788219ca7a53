"""The stage ``mlperf``: the shape of MLPerf Inference's GPT-J task, greedy and with its beam of 4.

MLPerf summarises news articles (CNN/DailyMail, inputs of up to 1919 tokens, about a thousand on average) in
at most 128 tokens with beam 4. This is the shape of that work and nothing more: random weights and random
inputs, no data set, no ROUGE to reach, not ten minutes of queries. One sample after the other.

What it would take is estimated first, from short prompts and a few steps (``pace.py``). What would exceed the
stage's time is shortened, and the result's note says so.
"""

import time
from statistics import median

from askwell_manifest import read_manifest

from ..engine.case import Case
from ..engine.subject import Subject
from ..result import Measure, model_facts
from .beam import BEAMS, beam_seconds
from .loaded import loaded, tell
from .pace import Pace, Plan, Probe, fit
from .stage import Finding, Stage, Work

_PROMPT, _NEW, _POSITIONS = 1000, 128, 2048
_STAGE_S, _GREEDY_S = 525.0, 190.0
_PROBES, _PROBE_STEPS = (64, 256), 8
_NOT_MLPERF = "MLPerf's shape only: random weights and inputs, no data set, no ROUGE gate, not ten minutes"


def mlperf_stage(samples: int) -> Stage:
    """The stage with as many samples as asked for, or as time allows."""
    summary = "MLPerf's GPT-J shape, greedy and beam 4"
    return Stage("mlperf", summary, lambda work: _measure(work, samples), "cpu")


def _measure(work: Work, samples: int) -> Finding:
    deadline = time.monotonic() + _STAGE_S
    manifest = read_manifest(work.model)
    asked = _shape(samples, manifest.positions)
    with loaded(work, work.threads) as engine:
        plan = fit(asked, _pace(engine.subject, manifest.positions), _GREEDY_S)
        greedy_s = [_greedy_s(engine.subject, plan, number) for number in range(plan.samples)]
    notes = [_NOT_MLPERF, *_shortened("greedy and beam", asked, plan)]
    tell(f"beam {BEAMS}: loading the model again")
    beam = beam_seconds(work, plan, manifest.positions, deadline - time.monotonic())
    notes += _shortened("beam", plan, beam.plan)
    figures = {
        "model": model_facts(manifest),
        "threads": work.threads,
        "samples": plan.samples,
        "prompt_tokens": plan.prompt_tokens,
        "new_tokens": plan.new_tokens,
        "greedy": _figures(greedy_s, plan),
        f"beam{BEAMS}": {
            **_figures(beam.seconds, beam.plan),
            **({"partial": beam.broken_off} if beam.broken_off else {}),
        },
        "note": "; ".join(notes),
    }
    lines = [
        f"{plan}, one after the other",
        _line("greedy", greedy_s, plan),
        _line(f"beam {BEAMS}", beam.seconds, beam.plan),
        *([f"beam {BEAMS}: {beam.broken_off}"] if beam.broken_off else []),
        *notes,
    ]
    measures = [Measure("greedy_s", "s", "lower", tuple(greedy_s))]
    if beam.seconds:
        measures.append(Measure(f"beam{BEAMS}_s", "s", "lower", tuple(beam.seconds)))
    return Finding(tuple(lines), figures, tuple(measures))


def _shape(samples: int, positions: int) -> Plan:
    """A model of fewer positions than GPT-J's gets shorter samples."""
    share = min(1.0, positions / _POSITIONS)
    return Plan(samples, int(_PROMPT * share), max(2, int(_NEW * share)))


def _pace(subject: Subject, positions: int) -> Pace:
    tell("estimating how long it will take")
    lengths = (min(length, positions // 8 * (1 + place)) for place, length in enumerate(_PROBES))
    short, long = (
        Probe(length, timing.prefill_s, timing.step_s)
        for length in lengths
        for timing in [subject.run(Case((length,), _PROBE_STEPS))]
    )
    return Pace.of_probes(short, long)


def _greedy_s(subject: Subject, plan: Plan, number: int) -> float:
    tell(f"greedy, sample {number + 1} of {plan.samples}")
    took = subject.run(Case((plan.prompt_tokens,), plan.new_tokens))
    return took.first_s + sum(took.steps_s)


def _shortened(what: str, asked: Plan, made: Plan) -> list[str]:
    if made == asked:
        return []
    return [f"{what} shortened to stay under nine minutes: {made} instead of {asked}"]


def _figures(seconds: list[float], plan: Plan) -> dict[str, float | None]:
    """Of the median sample; None where there is none."""
    each_s = median(seconds) if seconds else None
    return {
        "samples": len(seconds),
        "new_tokens": plan.new_tokens,
        "seconds": each_s,
        "tokens_per_s": plan.new_tokens / each_s if each_s else None,
        "samples_per_s": 1 / each_s if each_s else None,
    }


def _line(label: str, seconds: list[float], plan: Plan) -> str:
    if not seconds:
        return f"{label:<10}not measured"
    each_s = median(seconds)
    rates = f"{plan.new_tokens / each_s:>9.2f} tokens/s{1 / each_s:>10.4f} samples/s"
    return f"{label:<10}{each_s:>9.1f} s a sample{rates}"
