"""Generated requests to a whole server: good ones are answered, bad ones get the status that is theirs."""

import asyncio
from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import Any

import pytest
from askwell_bench.integrity.request import Asked, Bounds, requests
from askwell_client import (
    AskwellError,
    AsyncClient,
    Client,
    Generation,
    InvalidRequestError,
    NotFoundError,
    UnsupportedError,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

VOCABULARY_SIZE, POSITIONS = 336, 256
BOUNDS = Bounds(VOCABULARY_SIZE, prompt_tokens=24, new_tokens=12)
LIMIT_S = 30.0  # a hang, not a slow machine
NAN, INFINITY = float("nan"), float("inf")
SAMPLED = {"temperature": 1.0}

# Each makes any good request a bad one.
POISONS: list[tuple[type[AskwellError], dict[str, Any]]] = [
    *((InvalidRequestError, {"temperature": each}) for each in (NAN, INFINITY, -0.1, 101)),
    *((InvalidRequestError, {"top_k": each}) for each in (-1, VOCABULARY_SIZE + 1, 2**32)),
    *((InvalidRequestError, {"top_p": each}) for each in (NAN, 0, -1, 1.5)),
    *((InvalidRequestError, {"repetition_penalty": each}) for each in (NAN, 0, -1, 11, INFINITY)),
    *((InvalidRequestError, {"no_repeat_ngram_size": each}) for each in (-1, 33)),
    *((InvalidRequestError, {"num_beams": each}) for each in (0, 17)),
    *((InvalidRequestError, {"num_return": each}) for each in (0, 65)),
    *((InvalidRequestError, {**SAMPLED, "num_beams": 2, "top_k": each}) for each in (2, 3)),
    (InvalidRequestError, {"num_beams": 2, "logprobs": True}),
    (InvalidRequestError, {"num_beams": 2, "stop_token_ids": [5]}),
    (InvalidRequestError, {"num_beams": 2, "time_limit_s": 1}),
    *((InvalidRequestError, {"max_new_tokens": each}) for each in (0, POSITIONS, 2**31)),
    (InvalidRequestError, {"max_new_tokens": 3, "min_new_tokens": 4}),
    *((InvalidRequestError, {"stop_sequences": each}) for each in ([""], ["x"] * 17, ["x" * 257])),
    *((InvalidRequestError, {"stop_token_ids": each}) for each in ([VOCABULARY_SIZE], [5] * 17)),
    *((InvalidRequestError, {"suppress": each}) for each in ([""], ["x"] * 17, ["x" * 65])),
    *((InvalidRequestError, {"time_limit_s": each}) for each in (0, -1)),
    *((InvalidRequestError, {"tenant": each}) for each in ("é", "x" * 65)),
    *((InvalidRequestError, {"request_id": each}) for each in ("\n", "x" * 129)),
    *((InvalidRequestError, {"prompt": each}) for each in ((), "", (VOCABULARY_SIZE,), (5,) * POSITIONS)),
    (NotFoundError, {"model": "no-such-model"}),
    (UnsupportedError, {**SAMPLED, "top_k": 0, "seed": 7}),
]


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def client(address: str, runner: asyncio.Runner) -> Iterator[AsyncClient]:
    with Client(address) as plain:
        model = plain.model()
    assert (model.vocabulary_size, model.positions) == (VOCABULARY_SIZE, POSITIONS)
    client = AsyncClient(address, retries=0, timeout_s=LIMIT_S)
    yield client
    runner.run(client.close())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.randoms(use_true_random=False), st.lists(st.sampled_from([None, None, *POISONS]), max_size=8))
def test_every_request_gets_the_status_that_is_its_own_whatever_comes_beside_it(
    runner: asyncio.Runner,
    client: AsyncClient,
    random: Random,
    poisons: list[tuple[type[AskwellError], dict[str, Any]] | None],
) -> None:
    drawn = list(islice(requests(random, BOUNDS), len(poisons)))

    async def answer(asked: Asked, poison: dict[str, Any]) -> Generation | AskwellError:
        options = {"prompt": asked.choice.prompt, **asked.options(), **poison}
        try:
            return await client.generate(options.pop("prompt"), **options)
        except AskwellError as error:
            return error

    async def answers() -> list[Generation | AskwellError]:
        return await asyncio.gather(
            *(answer(each, poison[1] if poison else {}) for each, poison in zip(drawn, poisons, strict=True))
        )

    for asked, poison, got in zip(drawn, poisons, runner.run(answers()), strict=True):
        if poison is not None:
            assert type(got) is poison[0], (poison, got)
            continue
        assert isinstance(got, Generation), got
        assert len(got.samples) == asked.num_return
        assert {sample.token_ids for sample in got.samples} == {got.samples[0].token_ids}
