"""What a batch costs, in seconds, by a formula of six coefficients.

``askwell-bench engine --save FILE`` measures a model on a machine, fits the coefficients and writes them;
the server reads them with ``--cost-model FILE``.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class CostModel:
    """Seconds of a prefill and of a decoding step.

        prefill = prefill_call_s + prefill_token_s · rows · length + prefill_pair_s · rows · length²
        step    = step_call_s + step_row_s · rows + step_cached_s · rows · context

    ``length`` is a row's prompt in tokens, its square stands for attention. ``context`` is what a row has in
    the cache, prompt and new tokens: the whole cache is copied at every step. The first new token takes a
    step too: a batch of n new tokens costs a prefill and n steps.
    """

    prefill_call_s: float
    prefill_token_s: float
    prefill_pair_s: float
    step_call_s: float
    step_row_s: float
    step_cached_s: float

    def prefill_s(self, rows: int, length: int, prefix: int = 0, *, cached: bool = False) -> float:
        """``prefix`` of the ``length`` tokens are the same in all rows and computed once, in a call of their
        own, or not at all when they are ``cached``; what follows attends to them in every row."""
        own = 0 if cached else prefix
        tokens = own + rows * (length - prefix)
        pairs = own**2 + rows * (length**2 - prefix**2)
        calls = 2 if own else 1
        return self.prefill_call_s * calls + self.prefill_token_s * tokens + self.prefill_pair_s * pairs

    def step_s(self, rows: int, context: float) -> float:
        return self.step_call_s + self.step_row_s * rows + self.step_cached_s * rows * context

    def ends_s(
        self, rows: Sequence[tuple[int, int]], prefix: int = 0, *, cached: bool = False
    ) -> list[float]:
        """When each row of a batch ends, in seconds from the batch's start.

        ``rows`` are (prompt tokens, new tokens). What a prompt has beyond the shortest is forced, one step a
        token; a row that has ended takes no part in later steps.
        """
        shortest = min(length for length, _ in rows)
        steps = [length - shortest + new for length, new in rows]
        clock_s = self.prefill_s(len(rows), shortest, prefix, cached=cached)
        ends_s, done, live = [0.0] * len(rows), 0, len(rows)
        for i in sorted(range(len(rows)), key=steps.__getitem__):
            if (more := steps[i] - done) > 0:
                clock_s += more * self.step_s(live, shortest + done + more / 2)
                done = steps[i]
            ends_s[i] = clock_s
            live -= 1
        return ends_s

    def batch_s(self, rows: Sequence[tuple[int, int]], prefix: int = 0, *, cached: bool = False) -> float:
        """Seconds of a whole batch; see ``ends_s``."""
        return max(self.ends_s(rows, prefix, cached=cached))

    def with_beams(self, beams: int) -> "CostModel":
        """What rows cost of which each is so many sequences: all but the call itself, and the prefill, which
        is
        done once for all beams."""
        return replace(self, step_row_s=self.step_row_s * beams, step_cached_s=self.step_cached_s * beams)

    def scaled(self, prefill: float, step: float) -> "CostModel":
        """The same with every prefill and every step so many times as long."""
        return replace(
            self,
            prefill_call_s=self.prefill_call_s * prefill,
            prefill_token_s=self.prefill_token_s * prefill,
            prefill_pair_s=self.prefill_pair_s * prefill,
            step_call_s=self.step_call_s * step,
            step_row_s=self.step_row_s * step,
            step_cached_s=self.step_cached_s * step,
        )

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises ValueError, one line, unless the text holds the six coefficients and nothing else."""
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            raise ValueError("it is not JSON") from None
        names = [each.name for each in fields(cls)]
        if not isinstance(data, dict) or (missing := [name for name in names if name not in data]):
            raise ValueError(f"it lacks {missing[0] if isinstance(data, dict) else names[0]}")
        if unknown := [name for name in data if name not in names]:
            raise ValueError(f"it has the unknown coefficient {unknown[0]!r}")
        for name in names:
            if not _is_seconds(data[name]):
                raise ValueError(f"{name} must be seconds, a number from 0 upwards")
        model = cls(**{name: float(data[name]) for name in names})
        if model.step_s(1, 1) == 0:
            raise ValueError("by it a step costs nothing")
        return model


# Rough figures of SmolLM2-135M on two cores: prefill 1,024 tokens a second; a step of one row 20 ms, and 4 ms
# more for each further row. Powers of two, so that no rounding decides between equally good batches.
DEFAULT_COST = CostModel(
    prefill_call_s=0.0,
    prefill_token_s=1 / 1024,
    prefill_pair_s=0.0,
    step_call_s=1 / 64,
    step_row_s=1 / 256,
    step_cached_s=0.0,
)


def read_cost_model(path: Path) -> CostModel:
    """Raises ValueError with one line that says what to do."""
    try:
        return CostModel.from_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"cannot read the cost model {path}: {error.strerror}") from None
    except ValueError as error:  # UnicodeDecodeError is one
        why = "it is not text" if isinstance(error, UnicodeDecodeError) else error
        raise ValueError(
            f"{path} is no cost model: {why}; write one with: askwell-bench engine --save FILE"
        ) from None


def _is_seconds(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= sys.float_info.max
