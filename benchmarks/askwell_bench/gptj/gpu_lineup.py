"""The engines of one stage side by side, asked in turn, and what went wrong with them."""

import sys
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, Self

from ..result import quartiles
from .gpu_worker import ASK_LIMIT_S, CLOSE_GRACE_S, OPEN_LIMIT_S, Deadline, OutOfTime, Worker, WorkerError
from .stage import Work

INT8 = {"cuda": "int8_float16", "cpu": "int8_float32"}
HALF = {"cuda": "float16", "cpu": "float32"}
"""Compute types by device; the CPU's are there to try the stages without a GPU."""

ENGINE, SERVED = "askwell_bench.gptj.gpu_engine", "askwell_bench.gptj.gpu_served"
STAGE_LIMIT_S = 500.0

Values = dict[str, list[dict[str, Any]]]
"""What each engine answered, round by round."""


class Lineup:
    """A stage's workers and its deadline. A failure is noted under ``failed``, and the rest goes on."""

    def __init__(self, limit_s: float = STAGE_LIMIT_S) -> None:
        self.deadline = Deadline.after(limit_s)
        self.engines: dict[str, Worker] = {}
        self.failed: dict[str, str] = {}
        self.partial = False

    def open(
        self,
        name: str,
        module: str,
        settings: Mapping[str, Any],
        environment: Mapping[str, str] | None = None,
    ) -> Worker | None:
        """Start a worker under a name, or note why not."""
        say(f"{name}: loading")
        try:
            self.engines[name] = Worker(module, settings, self.deadline, environment)
        except WorkerError as error:
            self.note(name, error)
            return None
        return self.engines[name]

    def open_engine(
        self,
        name: str,
        work: Work,
        model: Any,
        compute_type: str,
        environment: Mapping[str, str] | None = None,
    ) -> Worker | None:
        """The same for ctranslate2 with a model folder; what computes no finite numbers is turned away."""
        settings = {
            "model": str(model),
            "device": work.device,
            "compute_type": compute_type,
            "threads": work.threads,
        }
        engine = self.open(name, ENGINE, settings, environment)
        if engine is not None and self.ask(name, "check", OPEN_LIMIT_S) is None:
            self.close(name)
            return None
        return engine

    def ask(
        self, name: str, question: str, limit_s: float = ASK_LIMIT_S, **values: Any
    ) -> dict[str, Any] | None:
        """One answer of one engine, or None, and why is noted. A dead engine leaves the lineup."""
        engine = self.engines.get(name)
        if engine is None:
            return None
        try:
            return engine.ask(question, limit_s, **values)
        except WorkerError as error:
            told = ", ".join(f"{key} {value}" for key, value in values.items())
            self.note(f"{name}, {question} {told}".rstrip(), error)
            if not engine.alive:
                self.close(name)
            return None

    def rounds(
        self, count: int, question: str, names: Sequence[str] = (), *, warm: bool = True, **values: Any
    ) -> Values:
        """Every engine in turn, ``count`` times, after one time that is not counted.

        An engine that fails is left out from then on, and of the answer as a whole: pairs must be pairs.
        """
        found: Values = {name: [] for name in names or tuple(self.engines) if name in self.engines}
        for number in range(-1 if warm else 0, count):
            for name in tuple(found):
                answer = self.ask(name, question, **values)
                if answer is None:
                    del found[name]
                elif number >= 0:
                    found[name].append(answer)
        return {name: answers for name, answers in found.items() if answers}

    def note(self, what: str, error: WorkerError) -> None:
        """Raises the error again when the stage is out of time: then there is nothing to go on with."""
        if isinstance(error, OutOfTime):
            raise error
        self.failed[what] = str(error)
        say(f"{what}: failed: {error}")

    def close(self, name: str) -> None:
        """Also one that has left already."""
        if engine := self.engines.pop(name, None):
            engine.close()

    def told(self) -> dict[str, Any]:
        """What a result says about failures."""
        return {
            **({"failed": self.failed} if self.failed else {}),
            **({"partial": True} if self.partial else {}),
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> bool:
        """Out of time is an end like another: what was measured until then is the result."""
        for name in tuple(self.engines):
            self.engines.pop(name).close(0.0 if kind else CLOSE_GRACE_S)
        if isinstance(error, OutOfTime):
            self.partial = True
            self.failed["time"] = str(error)
            say(str(error))
            return True
        return False


def say(text: str) -> None:
    """Progress, for whoever waits."""
    print(f"  … {text}", file=sys.stderr, flush=True)


def each(answers: Sequence[Mapping[str, Any]], key: str) -> tuple[float, ...]:
    return tuple(float(answer[key]) for answer in answers)


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Median and quartiles, as results tell them."""
    if len(values) < 2:
        return {"median": median(values)}
    low, middle, high = quartiles(values)
    return {"median": middle, "quartiles": [low, high]}
