"""The stage ``serve``: the model through askwell-server, beside the same work given to ctranslate2 directly.

One request (32 + 16 tokens) read as a stream, and the shape of a question set: 8 samples of 40 tokens to
one prompt of 200. The server runs first and ends before the engine loads the model again, so the two sides
do not take turns: take their ratio as an impression, and ``askwell-bench overhead`` for a judgement.
The weights are random and the texts noise, so every output has the length that was asked for.
"""

import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Self

import numpy as np
from askwell_client import Client, Delta
from askwell_manifest import Manifest, read_manifest

from ..engine.case import Case
from ..load.workload import Vocabulary
from ..result import model_facts
from ..serving import running_server
from .loaded import loaded, tell
from .room import check_memory_to_load, descendants_mb
from .stage import Finding, Stage, Work

_ROUNDS = 3
_CALL_LIMIT_S = 120.0
_TOP_K, _TOP_P = 50, 0.95
_TAIL = 2


@dataclass(frozen=True, slots=True)
class _Sizes:
    """Tokens of the two pieces of work. A model of few positions gets shorter ones."""

    prompt: int = 32
    new: int = 16
    set_rows: int = 8
    set_prompt: int = 200
    set_new: int = 40

    @classmethod
    def for_positions(cls, positions: int) -> Self:
        return cls() if positions >= 512 else cls(prompt=8, new=8, set_rows=4, set_prompt=24, set_new=8)


@dataclass(frozen=True, slots=True)
class _Side:
    """What one way of running the model took: through the server, or directly."""

    load_s: float
    rss_mb: float | None
    first_token_ms: float
    decode_tokens_per_s: float | None
    set_s: float


def _measure(work: Work) -> Finding:
    manifest = read_manifest(work.model)
    sizes = _Sizes.for_positions(manifest.positions)
    served = _served(work, manifest, sizes)
    tell("the same directly")
    direct = _direct(work, sizes)
    tokens = sizes.set_rows * sizes.set_new
    figures: dict[str, Any] = {"model": model_facts(manifest), "threads": work.threads, **asdict(served)}
    del figures["set_s"]
    figures |= {
        "prompt_tokens": sizes.prompt,
        "new_tokens": sizes.new,
        "set": {
            "rows": sizes.set_rows,
            "prompt_tokens": sizes.set_prompt,
            "new_tokens": sizes.set_new,
            "seconds": served.set_s,
            "tokens_per_s": tokens / served.set_s,
        },
        "direct": {**asdict(direct), "set_tokens_per_s": tokens / direct.set_s},
    }
    rows = {
        "load until it serves, s": (served.load_s, direct.load_s),
        "resident, all processes, MB": (served.rss_mb, direct.rss_mb),
        f"first token of {sizes.prompt}, ms": (served.first_token_ms, direct.first_token_ms),
        "one request, tokens/s": (served.decode_tokens_per_s, direct.decode_tokens_per_s),
        f"{sizes.set_rows} x {sizes.set_new} to {sizes.set_prompt} tokens, s": (served.set_s, direct.set_s),
    }
    lines = [f"{'':<30}{'server':>12}{'directly':>12}"]
    lines += [f"{label:<30}{_cell(left)}{_cell(right)}" for label, (left, right) in rows.items()]
    return Finding(tuple(lines), figures)


STAGE = Stage("serve", "through askwell-server: load, one request, a question set", _measure, "cpu")


def _served(work: Work, manifest: Manifest, sizes: _Sizes) -> _Side:
    check_memory_to_load(work.model)
    tell("starting askwell-server")
    prompt, set_prompt = _prompts(manifest, sizes)
    flags = ("--device", "cpu", "--intra-threads", str(work.threads))
    start = time.perf_counter()
    with running_server(work.model, *flags) as address, Client(address, timeout_s=_CALL_LIMIT_S) as client:
        load_s = time.perf_counter() - start
        times = [_stream_times(client, prompt, sizes.new) for _ in range(_ROUNDS + 1)][1:]
        tell("one request is done, a question set is next")
        set_s = _set_s(client, set_prompt, sizes)
        rss_mb = descendants_mb(os.getpid())
    rates = [rate for _, rate in times if rate is not None]
    first_ms = median(first_s for first_s, _ in times) * 1e3
    return _Side(load_s, rss_mb, first_ms, median(rates) if rates else None, set_s)


def _direct(work: Work, sizes: _Sizes) -> _Side:
    with loaded(work, work.threads) as engine:
        single = [engine.subject.run(Case((sizes.prompt,), sizes.new)) for _ in range(_ROUNDS)]
        rows = (_TAIL,) * sizes.set_rows
        whole = engine.subject.run(
            Case(rows, sizes.set_new, sizes.set_prompt - _TAIL, top_k=_TOP_K, top_p=_TOP_P)
        )
        return _Side(
            engine.load_s,
            engine.rss_mb,
            median(each.first_s for each in single) * 1e3,
            1 / median(each.step_s for each in single),
            whole.first_s + sum(whole.steps_s),
        )


def _prompts(manifest: Manifest, sizes: _Sizes) -> tuple[Sequence[int], Sequence[int]]:
    vocabulary, random = Vocabulary(manifest.vocabulary_size, manifest.positions), np.random.default_rng(0)
    return vocabulary.prompt(random, sizes.prompt), vocabulary.prompt(random, sizes.set_prompt)


def _set_s(client: Client, prompt: Sequence[int], sizes: _Sizes) -> float:
    start = time.perf_counter()
    made = client.generate(
        prompt, num_return=sizes.set_rows, max_new_tokens=sizes.set_new, min_new_tokens=sizes.set_new,
        temperature=1.0, top_k=_TOP_K, top_p=_TOP_P,
    )  # fmt: skip
    seconds = time.perf_counter() - start
    if {sample.usage.new_tokens for sample in made.samples} != {sizes.set_new}:
        raise RuntimeError("the server's samples are not of the length asked for")
    return seconds


def _stream_times(client: Client, prompt: Sequence[int], new_tokens: int) -> tuple[float, float | None]:
    """Seconds to the first token, and tokens a second after it; None where all came at once."""
    at_s: list[float] = []
    tokens: list[int] = []
    start = time.perf_counter()
    for event in client.stream(
        prompt, temperature=0.0, max_new_tokens=new_tokens, min_new_tokens=new_tokens, token_ids=True
    ):
        if isinstance(event, Delta):
            at_s.append(time.perf_counter() - start)
            tokens.append(len(event.token_ids))
    if sum(tokens) != new_tokens:
        raise RuntimeError(f"{sum(tokens)} tokens were streamed instead of {new_tokens}")
    if len(at_s) == 1:
        return at_s[0], None
    return at_s[0], (new_tokens - tokens[0]) / (at_s[-1] - at_s[0])


def _cell(value: float | None) -> str:
    return f"{'-':>12}" if value is None else f"{value:>12,.2f}"
