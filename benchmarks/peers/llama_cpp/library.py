"""llama.cpp's library in its best case: a prompt is decoded once and copied, all rows share each step.

A small scheduler of the kind that llama.cpp's own server has: requests join when they are due and a sequence
is free, and every step decodes one token of each running row. Rows wait when there are more than
``ROWS`` of them; each has a stretch of the cache of its own, which copies of a prompt fill without decoding.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import llama_cpp
import numpy as np
from peer_protocol import TEMPERATURE, TOP_K, TOP_P, Answer, Clock, Request

ROWS = 32
_CONTEXT = 768
_BATCH = 2048
_SEED = 1


@llama_cpp.llama_log_callback
def _quiet(_level: int, _text: bytes, _data: ctypes.c_void_p) -> None:
    pass


@dataclass(slots=True)
class _Row:
    """One sequence: where it stands, and what it has written."""

    sequence: int
    index: int
    position: int
    written: list[int] = field(default_factory=list)


class Library:
    def __init__(self, path: str, threads: int, end_ids: Sequence[int]) -> None:
        llama_cpp.llama_log_set(_quiet, ctypes.c_void_p(0))
        llama_cpp.llama_backend_init()
        self._model = llama_cpp.llama_model_load_from_file(
            path.encode(), llama_cpp.llama_model_default_params()
        )
        if not self._model:
            raise RuntimeError(f"llama.cpp does not load {path}")
        options = llama_cpp.llama_context_default_params()
        options.n_ctx, options.n_batch, options.n_seq_max = ROWS * _CONTEXT, _BATCH, ROWS
        options.n_threads = options.n_threads_batch = threads
        self._context = llama_cpp.llama_init_from_model(self._model, options)
        self._memory = llama_cpp.llama_get_memory(self._context)
        self._batch = llama_cpp.llama_batch_init(_BATCH, 0, 1)
        self._words = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self._model))
        self._sampler = _sampler(self._words, end_ids)

    def nll(self, window: Sequence[int]) -> float:
        llama_cpp.llama_memory_clear(self._memory, True)
        self._fill([(each, place, 0, True) for place, each in enumerate(window)])
        found = llama_cpp.llama_get_logits(self._context)
        logits = np.ctypeslib.as_array(found, shape=(len(window), self._words))[:-1].astype(np.float64)
        logits -= logits.max(axis=1, keepdims=True)
        log_probs = logits[np.arange(len(window) - 1), list(window[1:])] - np.log(np.exp(logits).sum(axis=1))
        return -float(log_probs.sum())

    def serve(self, requests: Sequence[Request], clock: Clock) -> list[Answer]:
        llama_cpp.llama_memory_clear(self._memory, True)
        answers = [Answer(None, 0.0, []) for _ in requests]
        waiting, running = list(range(len(requests))), list[_Row]()
        free = list(range(ROWS))
        while waiting or running:
            if not running:
                clock.wait_until(requests[waiting[0]].due_s)
            while waiting and requests[waiting[0]].due_s <= clock.now_s():
                request = requests[waiting[0]]
                if request.samples > len(free):
                    break
                running += self._start(waiting[0], request, free)
                answers[waiting.pop(0)].first_s = clock.now_s()
            for row in [row for row in running if len(row.written) >= requests[row.index].new_tokens]:
                running.remove(row)
                llama_cpp.llama_memory_seq_rm(self._memory, row.sequence, -1, -1)
                free.append(row.sequence)
                answer = answers[row.index]
                answer.end_s, answer.ids = clock.now_s(), row.written
                answer.counts.append(len(row.written))
            self._step(running)
        return answers

    def _start(self, index: int, request: Request, free: list[int]) -> list[_Row]:
        """Decode a prompt once, copy it to each sample's sequence, and draw the first tokens.

        Sequences are taken in order: llama.cpp puts only neighbours into one pass over the weights.
        """
        free.sort(reverse=True)
        rows = [_Row(free.pop(), index, len(request.prompt)) for _ in range(request.samples)]
        last = len(request.prompt) - 1
        first = rows[0].sequence
        self._fill([(each, place, first, place == last) for place, each in enumerate(request.prompt)])
        for row in rows:
            row.written.append(llama_cpp.llama_sampler_sample(self._sampler, self._context, -1))
            if row.sequence != first:
                llama_cpp.llama_memory_seq_cp(self._memory, first, row.sequence, -1, -1)
        return rows

    def _step(self, rows: Sequence[_Row]) -> None:
        if not rows:
            return
        self._fill([(row.written[-1], row.position, row.sequence, True) for row in rows])
        for place, row in enumerate(rows):
            row.written.append(llama_cpp.llama_sampler_sample(self._sampler, self._context, place))
            row.position += 1

    def _fill(self, tokens: Sequence[tuple[int, int, int, bool]]) -> None:
        """Decode (token, position, sequence, whether its logits are wanted)."""
        batch = self._batch
        for place, (token, position, sequence, wanted) in enumerate(tokens):
            batch.token[place] = token
            batch.pos[place] = position
            batch.n_seq_id[place] = 1
            batch.seq_id[place][0] = sequence
            batch.logits[place] = wanted
        batch.n_tokens = len(tokens)
        if code := llama_cpp.llama_decode(self._context, batch):
            raise RuntimeError(f"llama_decode failed with code {code} on {len(tokens)} tokens")


def _sampler(words: int, end_ids: Sequence[int]) -> Any:
    """The same chain as everybody's; end tokens can never be drawn."""
    chain = llama_cpp.llama_sampler_chain_init(llama_cpp.llama_sampler_chain_default_params())
    biases = (llama_cpp.llama_logit_bias * len(end_ids))()
    for place, each in enumerate(end_ids):
        biases[place].token, biases[place].bias = each, float("-inf")
    for each in (
        llama_cpp.llama_sampler_init_logit_bias(words, len(end_ids), biases),
        llama_cpp.llama_sampler_init_top_k(TOP_K),
        llama_cpp.llama_sampler_init_top_p(TOP_P, 1),
        llama_cpp.llama_sampler_init_temp(TEMPERATURE),
        llama_cpp.llama_sampler_init_dist(_SEED),
    ):
        llama_cpp.llama_sampler_chain_add(chain, each)
    return chain
