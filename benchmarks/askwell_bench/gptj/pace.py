"""How long a sample would take, by what short ones took, and how much of it fits into a time.

Prefill grows with the prompt; a decoding step has a part that all contexts share (the weights) and one that
grows with the context (the cache, which is copied). Two probes of different length tell the three numbers.
"""

from dataclasses import dataclass, replace
from typing import Self


@dataclass(frozen=True, slots=True)
class Probe:
    """A short run: its prompt's length, the seconds of its prefill, and of one of its decoding steps."""

    prompt_tokens: int
    prefill_s: float
    step_s: float


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds: of a prompt's token, of a step without context, and what each token of context adds to it."""

    token_s: float
    step_s: float
    context_s: float

    @classmethod
    def of_probes(cls, short: Probe, long: Probe) -> Self:
        """A step that happens to be faster with the longer prompt says that context costs nothing."""
        more_s = max(0.0, long.step_s - short.step_s) / (long.prompt_tokens - short.prompt_tokens)
        step_s = max(min(short.step_s, long.step_s) - more_s * short.prompt_tokens, 0.0)
        return cls(max(long.prefill_s, 0.0) / long.prompt_tokens, step_s, more_s)

    def sample_s(self, plan: "Plan") -> float:
        """Seconds of one sample of the plan."""
        prompt, new = plan.prompt_tokens, plan.new_tokens
        return prompt * self.token_s + new * (self.step_s + (prompt + new / 2) * self.context_s)


@dataclass(frozen=True, slots=True)
class Plan:
    """Samples of ``prompt_tokens`` in and ``new_tokens`` out."""

    samples: int
    prompt_tokens: int
    new_tokens: int

    def __str__(self) -> str:
        return f"{self.samples} x ({self.prompt_tokens} + {self.new_tokens}) tokens"


def fit(plan: Plan, pace: Pace, budget_s: float) -> Plan:
    """As much of the plan as ``budget_s`` holds: samples go first, then outputs, and inputs last.

    One sample of two tokens and one new one is the least, whatever it takes.
    """
    if plan.prompt_tokens * pace.token_s > budget_s / 2:
        plan = replace(plan, prompt_tokens=max(2, int(budget_s / 2 / pace.token_s)))
    while plan.new_tokens > 1 and pace.sample_s(plan) > budget_s:
        plan = replace(plan, new_tokens=plan.new_tokens - 1)
    most = int(budget_s / max(pace.sample_s(plan), 1e-9))
    return replace(plan, samples=max(1, min(plan.samples, most)))
