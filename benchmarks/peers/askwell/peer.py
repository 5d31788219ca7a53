"""Askwell itself, as its users have it: a server with its default settings, asked over gRPC.

Runs in Askwell's own environment. The server chooses its threads; its log tells how many.
"""

import asyncio
import io
import re
from collections.abc import Sequence
from contextlib import ExitStack, redirect_stderr
from pathlib import Path

import numpy as np
from askwell_bench.generator import load_generator
from askwell_bench.serving import running_server
from askwell_client import AsyncClient, Delta, Sample
from peer_protocol import (
    TEMPERATURE,
    TOP_K,
    TOP_P,
    Answer,
    Clock,
    Facts,
    Request,
    Settings,
    descendants,
    main,
)
from tokenizers import Tokenizer

_REQUEST_S = 900.0
_THREADS = re.compile(r"engine ready on .*, (\d+) threads")


class Askwell:
    def __init__(self, settings: Settings) -> None:
        self._model = Path(settings.model)
        self._stack = ExitStack()
        self._runner = self._stack.enter_context(asyncio.Runner())
        said = io.StringIO()
        with redirect_stderr(said):
            address = self._stack.enter_context(
                running_server(self._model, "--device", "cpu", "--log-level", "info")
            )
        found = _THREADS.search(said.getvalue())
        self._client = AsyncClient(address, timeout_s=_REQUEST_S, retries=0)
        model = self._runner.run(self._client.model())
        threads = int(found[1]) if found else 0
        self.facts = Facts(model.server_version, self._model.name, model.compute_type, threads)

    def nll(self, window: Sequence[int]) -> float:
        """The server tells no log-likelihood of a prompt: its weights do, through ctranslate2."""
        tokenizer = Tokenizer.from_file(str(self._model / "tokenizer.json"))
        generator = load_generator(self._model, intra_threads=self.facts.threads)
        tokens = [tokenizer.id_to_token(each) for each in window]
        found = generator.forward_batch([tokens], return_log_probs=True)
        log_probs = np.array(found, dtype=np.float32)[0]
        return -float(log_probs[np.arange(len(window) - 1), list(window[1:])].sum(dtype=np.float64))

    def serve(self, requests: Sequence[Request], clock: Clock) -> list[Answer]:
        return self._runner.run(self._serve(requests, clock))

    async def _serve(self, requests: Sequence[Request], clock: Clock) -> list[Answer]:
        least = min(request.new_tokens for request in requests)
        return await asyncio.gather(*(self._answer(request, least, clock) for request in requests))

    async def _answer(self, request: Request, least: int, clock: Clock) -> Answer:
        await asyncio.sleep(max(0.0, request.due_s - clock.now_s()))
        if request.samples == 1:
            return await self._one(request, least, clock)
        generation = await self._client.generate(
            request.prompt,
            num_return=request.samples,
            max_new_tokens=request.new_tokens,
            min_new_tokens=request.new_tokens,
            token_ids=True,
            temperature=TEMPERATURE,
            top_k=TOP_K,
            top_p=TOP_P,
        )
        samples = generation.samples
        counts = [sample.usage.new_tokens for sample in samples]
        return Answer(None, clock.now_s(), counts, list(samples[0].token_ids))

    async def _one(self, request: Request, least: int, clock: Clock) -> Answer:
        """One text, streamed.

        Requests of different minima share no batch, so all have the least of them. Should the model end a
        text before its length, the client asks it to go on: that costs us a second prompt, and makes the
        counts equal.
        """
        answer = Answer(None, 0.0, [0])
        while left := request.new_tokens - len(answer.ids):
            events = self._client.stream(
                (*request.prompt, *answer.ids),
                max_new_tokens=left,
                min_new_tokens=min(least, left),
                token_ids=True,
                temperature=TEMPERATURE,
                top_k=TOP_K,
                top_p=TOP_P,
            )
            async for event in events:
                if isinstance(event, Delta) and event.token_ids:
                    answer.first_s = answer.first_s or clock.now_s()
                    answer.ids += event.token_ids
                elif isinstance(event, Sample) and not event.usage.new_tokens:
                    raise RuntimeError("the server wrote nothing")
        answer.end_s, answer.counts = clock.now_s(), [len(answer.ids)]
        return answer

    def processes(self) -> list[int]:
        """The server's, engine and domain workers included; this one is only its client."""
        return descendants()

    def close(self) -> None:
        self._runner.run(self._client.close())
        self._stack.close()


if __name__ == "__main__":
    main(Askwell)
