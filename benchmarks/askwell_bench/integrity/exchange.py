"""Sending generated requests to a server, and what comes back."""

import asyncio
from collections.abc import Sequence

from askwell_client import AskwellError, AsyncClient, Delta, Sample

from .answer import Answer, Text
from .request import Asked

_TIMEOUT_S = 600.0  # nobody is refused for being late


async def answers(client: AsyncClient, asked: Sequence[Asked], concurrency: int) -> list[Answer]:
    """What each request got, so many under way at any time."""
    found: dict[int, Answer] = {}
    waiting = iter(enumerate(asked))

    async def slot() -> None:
        for index, each in waiting:
            found[index] = await _answer(client, each)

    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(slot())
    return [found[index] for index in range(len(asked))]


async def _answer(client: AsyncClient, asked: Asked) -> Answer:
    try:
        if asked.leave_after is not None:
            return await _left(client, asked, asked.leave_after)
        answer = await client.generate(asked.choice.prompt, timeout_s=_TIMEOUT_S, **asked.options())
    except AskwellError as error:
        return Answer((), error.status.name)
    return _told(answer.samples)


async def _left(client: AsyncClient, asked: Asked, tokens: int) -> Answer:
    """A stream whose reader goes away after so many tokens, which may be all."""
    ids: tuple[int, ...] = ()
    stream = client.stream(asked.choice.prompt, timeout_s=_TIMEOUT_S, **asked.options())
    try:
        async for event in stream:
            if isinstance(event, Sample):
                return _told([event])
            if isinstance(event, Delta):
                ids += event.token_ids
                if len(ids) >= tokens:
                    break
    finally:
        await stream.aclose()
    return Answer((Text(ids, ""),))


def _told(samples: Sequence[Sample]) -> Answer:
    usages = [sample.usage for sample in samples]
    return Answer(
        tuple(Text(s.token_ids, s.finish_reason.value, s.text, s.logprobs) for s in samples),
        batch_rows=max(usage.batch_size for usage in usages),
        prefix_tokens=max(usage.prefix_tokens for usage in usages),
        forced_tokens=max(usage.forced_tokens for usage in usages),
        batches=max(usage.batches for usage in usages),
    )
