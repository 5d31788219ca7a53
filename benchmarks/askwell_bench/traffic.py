"""A crowd of callers that never ends: for benchmarks that watch the server, not the requests."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import aclosing
from random import Random
from typing import Any

from askwell_client import AskwellError, AsyncClient, Delta, Question, Sample

from .integrity.request import Asked, Bounds, requests
from .load.workload import Interview

_TIMEOUT_S = 120.0
_PAUSE_S = 0.05  # after a refusal: callers who come back at once measure themselves
LEFT = "LEFT"


class Traffic:
    """So many callers at once, each with one request after the other, until told to stop::

        traffic = Traffic(client, bounds, Random(0), leaving=0.2)
        async with asyncio.TaskGroup() as group:
            group.create_task(traffic.run(callers=8))
            ...
            traffic.stop()

    ``leaving`` is the share of callers that go away after the first tokens. ``ends`` counts what requests
    ended with: OK, LEFT, or a gRPC status; ``said`` holds the server's words for one of each status.
    ``last_token_s`` is when anybody was last given a token, on ``time.perf_counter()``'s clock.
    """

    def __init__(
        self,
        client: AsyncClient,
        bounds: Bounds,
        random: Random,
        *,
        leaving: float = 0.0,
        interviews: Iterator[Interview] | None = None,
        interview_share: float = 0.0,
    ) -> None:
        self.ends: Counter[str] = Counter()
        self.said: dict[str, str] = {}
        self.last_token_s = 0.0
        self._client = client
        self._random = random
        self._asked = requests(random, bounds)
        self._leaving = leaving
        self._interviews = interviews
        self._interview_share = interview_share
        self._stopped = False

    async def run(self, callers: int) -> None:
        """Returns once stopped, when the last request has ended."""
        async with asyncio.TaskGroup() as group:
            for _ in range(callers):
                group.create_task(self._call())

    def stop(self) -> None:
        self._stopped = True

    async def _call(self) -> None:
        while not self._stopped:
            leaving = self._random.random() < self._leaving
            try:
                if self._interviews and self._random.random() < self._interview_share:
                    end = await self._interview(next(self._interviews), leaving)
                else:
                    end = await self._generate(next(self._asked), leaving)
            except AskwellError as error:
                end = error.status.name
                self.said.setdefault(end, str(error))
                await asyncio.sleep(_PAUSE_S)
            self.ends[end] += 1

    async def _generate(self, asked: Asked, leaving: bool) -> str:
        """As a stream, save that one in four who stay asks for the whole at once."""
        options: dict[str, Any] = {**asked.options(), "timeout_s": _TIMEOUT_S}
        prompt = asked.choice.prompt
        if not leaving and self._random.random() < 0.25:
            await self._client.generate(prompt, **options)
            self.last_token_s = time.perf_counter()
            return "OK"
        patience, found = self._random.randint(1, asked.max_new_tokens) if leaving else None, 0
        samples = 0
        async with aclosing(self._client.stream(prompt, **options)) as events:
            async for event in events:
                if isinstance(event, Delta):
                    self.last_token_s = time.perf_counter()
                samples += isinstance(event, Sample)
                found += len(event.token_ids) if isinstance(event, Delta) else 0
                if patience is not None and found >= patience:
                    return LEFT
        return "OK" if samples == asked.num_return else "UNFINISHED"

    async def _interview(self, work: Interview, leaving: bool) -> str:
        async with aclosing(
            self._client.stream_questions(work.job, work.resume, count=4, timeout_s=_TIMEOUT_S)
        ) as events:
            async for event in events:
                if leaving and isinstance(event, Question):
                    return LEFT
        return "OK"
