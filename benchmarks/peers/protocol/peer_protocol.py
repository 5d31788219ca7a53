"""What every peer program has in common: JSON lines with the driver, a clock, and the peak of its memory.

    driver                                   peer
    {"job": "load", "gguf": …, …}        →
                                         ←   {"ok": {"version": …, "threads": 2, "load_s": 3.1, …}}
    {"job": "perplexity", "windows": …}  →
                                         ←   {"ok": {"nll": 1834.2, "tokens": 1022}}
    {"job": "serve", "requests": […]}    →
                                         ←   {"ok": {"seconds": 2.7, "answers": […], "memory_mib": 812.0}}

A job that fails is answered with {"error": …}; the program ends at the end of its input. Between jobs it
waits in a read, so an idle peer takes no time from the one whose turn it is. Standard library only: each
peer imports this file in its own environment, where the driver's PYTHONPATH leads to it.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

TOP_K, TOP_P, TEMPERATURE = 50, 0.95, 1.0


@dataclass(frozen=True, slots=True)
class Settings:
    """What to load. ``way``: which of the peer's ways of use. ``model``: Askwell's folder, ``gguf``: the file
    for those that read one. ``threads``: None leaves the choice to the peer."""

    way: str
    model: str
    gguf: str
    end_ids: tuple[int, ...]
    threads: int | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """``samples`` texts of exactly ``new_tokens`` tokens to a prompt; ``text`` is the prompt for peers that
    take no ids. Nobody may begin before ``due_s``, counted from the start of the job."""

    prompt: tuple[int, ...]
    text: str
    samples: int
    new_tokens: int
    due_s: float = 0.0


@dataclass(slots=True)
class Answer:
    """Seconds count from the start of the job. ``counts``: tokens written, by sample. ``first_s``: None where
    the peer cannot tell. One sample's ``ids``, or its ``text``, for a person to read."""

    first_s: float | None
    end_s: float
    counts: list[int]
    ids: list[int] = field(default_factory=list)
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What was loaded. Peers of one name with the same weights and compute share one perplexity."""

    version: str
    weights: str
    compute: str
    threads: int


class Clock:
    """Seconds since the job began."""

    def __init__(self) -> None:
        self._start = time.perf_counter()

    def now_s(self) -> float:
        return time.perf_counter() - self._start

    def wait_until(self, due_s: float) -> None:
        time.sleep(max(0.0, due_s - self.now_s()))


class Peer(Protocol):
    """One library in one way of using it, loaded."""

    facts: Facts

    def nll(self, window: Sequence[int]) -> float | None:
        """Sum of the negative log-likelihoods, in nats, of all tokens but the first; None: it cannot tell."""

    def serve(self, requests: Sequence[Request], clock: Clock) -> list[Answer]:
        """Answers in the order of the requests, which is that of their due times."""

    def processes(self) -> list[int]:
        """Ids of the processes whose memory counts."""

    def close(self) -> None: ...


def one_by_one(
    requests: Iterable[Request], clock: Clock, answer: Callable[[Request], Answer]
) -> list[Answer]:
    """First in, first out."""
    answers = []
    for request in requests:
        clock.wait_until(request.due_s)
        answers.append(answer(request))
    return answers


def available_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def own_process() -> list[int]:
    return [os.getpid()]


def descendants() -> list[int]:
    """Every process below this one (Linux)."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        parents[int(path.parent.name)] = int(fields[1])
    found = [os.getpid()]
    for above in found:
        found += [child for child, parent in parents.items() if parent == above]
    return found[1:]


def main(open_peer: Callable[[Settings], Peer]) -> None:
    """Serve the driver on standard input and output until the input ends.

    Libraries print, so standard output is kept for the protocol alone: what they print goes to stderr.
    """
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    session = _Session(open_peer)
    try:
        for line in sys.stdin:
            job = json.loads(line)
            try:
                reply = {"ok": getattr(session, "do_" + job.pop("job"))(**job)}
            except Exception as error:  # whatever a library raises is the reason why this peer is absent
                reply = {"error": f"{type(error).__name__}: {' '.join(str(error).split())[:400]}"}
            replies.write(json.dumps(reply) + "\n")
            replies.flush()
    finally:
        session.close()


class _Session:
    """The jobs. Perplexity needs memory that serving does not, so its peak is left out of the count."""

    def __init__(self, open_peer: Callable[[Settings], Peer]) -> None:
        self._open = open_peer
        self._peer: Peer | None = None
        self._peak_mib = 0.0

    def do_load(self, **settings: Any) -> dict[str, Any]:
        start = time.perf_counter()
        self._peer = self._open(Settings(**settings))
        return {**asdict(self._peer.facts), "load_s": time.perf_counter() - start}

    def do_perplexity(self, windows: list[list[int]]) -> dict[str, Any]:
        assert self._peer is not None
        self._note_peak()
        nll: float | None = 0.0
        for window in windows:
            found = self._peer.nll(window)
            nll = None if found is None or nll is None else nll + found
        _forget_peak(self._peer.processes())
        return {"nll": nll, "tokens": sum(len(window) - 1 for window in windows)}

    def do_serve(self, requests: list[dict[str, Any]]) -> dict[str, Any]:
        assert self._peer is not None
        asked = [Request(**{**each, "prompt": tuple(each["prompt"])}) for each in requests]
        clock = Clock()
        answers = self._peer.serve(asked, clock)
        seconds = clock.now_s()
        self._note_peak()
        return {
            "seconds": seconds,
            "answers": [asdict(each) for each in answers],
            "memory_mib": self._peak_mib,
        }

    def close(self) -> None:
        if self._peer is not None:
            self._peer.close()

    def _note_peak(self) -> None:
        assert self._peer is not None
        self._peak_mib = max(self._peak_mib, sum(map(_peak_mib, self._peer.processes())))


def _peak_mib(pid: int) -> float:
    """Peak resident size, 0 where the system does not tell."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next(
        (int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0.0
    )


def _forget_peak(pids: Iterable[int]) -> None:
    """Let the peak begin anew (Linux); where that is not allowed, the figure is larger, never smaller."""
    for pid in pids:
        try:
            Path(f"/proc/{pid}/clear_refs").write_text("5")
        except OSError:
            continue
