"""ctranslate2 itself, in a process of its own: the other side of every comparison with the server.

The server's engine process runs with malloc settings that must stand in its environment before it starts
(large caches are otherwise mapped and unmapped at every step). A direct side without them would lose by what
is no merit of the server, so it gets a process with the same settings, threads and precision, and gives back
what loading freed, as the engine does. Times are taken inside it: the pipe between is nobody's cost.

The child (``python -m askwell_bench.direct MODEL THREADS LANES``) says what it is in a line of JSON, then
answers each line {"prompts": [["token", ...], ...], "rows": 16, "new_tokens": 64, "to_first": false} with
{"seconds": 1.5, "new_tokens": 1024}, until its input ends.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .generator import load_generator


class DirectEngine:
    """A loaded generator to be timed::

        with DirectEngine(model, threads=1) as engine:
            seconds = engine.batches_s(prompts, rows=16, new_tokens=64)

    Raises RuntimeError with the child's own line when it cannot load, or dies.
    """

    def __init__(self, model: Path, threads: int, lanes: int = 1) -> None:
        from askwell_server.engine.spawn import ENGINE_ENV

        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed on leaving)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "askwell_bench.direct", str(model), str(threads), str(lanes)],
            env={**os.environ, **ENGINE_ENV},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            start_new_session=True,  # Ctrl-C is for the parent, which then ends this one
        )

    def __enter__(self) -> Self:
        try:
            self.compute_type = str(self._answer()["compute_type"])
            self.pid = self._process.pid
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def batches_s(self, prompts: Sequence[Sequence[str]], rows: int, new_tokens: int) -> float:
        """Seconds for greedy outputs of exactly so many tokens, in batches of ``rows``, on all lanes at once
        and without a callback: the least that the work can take. Raises RuntimeError when fewer tokens were
        written."""
        found = self._ask(prompts=prompts, rows=rows, new_tokens=new_tokens, to_first=False)
        if found["new_tokens"] != len(prompts) * new_tokens:
            raise RuntimeError(
                f"{found['new_tokens']} tokens were written instead of {len(prompts) * new_tokens}"
            )
        return float(found["seconds"])

    def first_token_s(self, prompt: Sequence[str]) -> float:
        """Seconds from the call of generate_batch to its first callback, as the engine process makes it."""
        return float(self._ask(prompts=[prompt], rows=1, new_tokens=8, to_first=True)["seconds"])

    def _ask(self, **job: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # what it died of is told below
            self._process.stdin.write(json.dumps(job) + "\n")
            self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        if line := self._process.stdout.readline():
            found: dict[str, Any] = json.loads(line)
            return found
        code = self._process.wait()
        self._errors.seek(0)
        said = self._errors.read().strip().splitlines()
        raise RuntimeError(said[-1] if said else f"the direct side ended with code {code}")

    def _end(self) -> None:
        self._process.kill()
        self._process.communicate()
        self._errors.close()


def main() -> None:
    # Not above: it loads ctranslate2, which the benchmarks' own process leaves alone until it must.
    from askwell_server.engine.backend import return_freed_memory

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    model, threads, lanes = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    try:
        generator = load_generator(model, intra_threads=threads, inter_threads=lanes)
    except (RuntimeError, ValueError) as error:
        sys.exit(" ".join(str(error).split()))
    return_freed_memory()
    _say(compute_type=generator.compute_type)
    for line in sys.stdin:
        job = json.loads(line)
        run = _to_first if job["to_first"] else _batches
        _say(**run(generator, job["prompts"], job["rows"], job["new_tokens"]))


def _batches(generator: Any, prompts: list[list[str]], rows: int, new_tokens: int) -> dict[str, Any]:
    def made_by(first: int) -> int:
        results = generator.generate_batch(
            prompts[first : first + rows], max_length=new_tokens, min_length=new_tokens, sampling_topk=1,
            include_prompt_in_result=False,
        )  # fmt: skip
        return sum(len(result.sequences_ids[0]) for result in results)

    start = time.perf_counter()
    with ThreadPoolExecutor(generator.num_generators) as lanes:
        made = sum(lanes.map(made_by, range(0, len(prompts), rows)))
    return {"seconds": time.perf_counter() - start, "new_tokens": made}


def _to_first(generator: Any, prompts: list[list[str]], rows: int, new_tokens: int) -> dict[str, Any]:
    times_s: list[float] = []

    def note(_step: object) -> bool:
        times_s.append(time.perf_counter())
        return False

    start = time.perf_counter()
    generator.generate_batch(
        prompts, max_length=new_tokens, min_length=new_tokens, sampling_topk=1,
        include_prompt_in_result=False, callback=note,
    )  # fmt: skip
    return {"seconds": times_s[0] - start, "new_tokens": len(times_s)}


def _say(**told: Any) -> None:
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
