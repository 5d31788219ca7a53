"""Batches, streams and limits, through the client, on a real model."""

import asyncio
import random

import pytest
from askwell_client import AsyncClient, Client, Delta, FinishReason, InvalidRequestError, Sample, Started


def _prompts(count: int) -> list[list[int]]:
    """Prompts of 2 to 60 tokens, half of them with a common beginning."""
    choice = random.Random(7)
    shared = [choice.randrange(10, 300) for _ in range(40)]
    return [
        (shared if i % 2 else []) + [choice.randrange(10, 300) for _ in range(choice.randint(2, 20))]
        for i in range(count)
    ]


async def test_64_concurrent_greedy_requests_return_what_they_return_alone(address: str) -> None:
    prompts = _prompts(64)
    async with AsyncClient(address) as client:

        async def ask(i: int) -> tuple[int, ...]:
            answer = await client.generate(
                prompts[i], temperature=0.0, max_new_tokens=8 + i % 24, token_ids=True
            )
            batch_sizes.append(answer.samples[0].usage.batch_size)
            return answer.samples[0].token_ids

        batch_sizes: list[int] = []
        alone = [await ask(i) for i in range(len(prompts))]
        assert set(batch_sizes) == {1}
        # How many meet in a batch is up to the machine: a tiny model may be done before the next comes.
        assert await asyncio.gather(*(ask(i) for i in range(len(prompts)))) == alone

        together, batch_sizes = {}, []
        async for item in client.generate_batch(prompts, temperature=0.0, max_new_tokens=31, token_ids=True):
            assert item.generation is not None
            (sample,) = item.generation.samples
            batch_sizes.append(sample.usage.batch_size)
            together[item.index] = sample.token_ids[: 8 + item.index % 24]
        assert max(batch_sizes) > 4
    assert [together[i] for i in range(len(prompts))] == alone


def test_a_stream_is_started_then_deltas_then_samples_that_join_them(address: str) -> None:
    with Client(address) as client:
        events = list(client.stream("the server", max_new_tokens=24, num_return=2, token_ids=True))
    assert isinstance(events[0], Started)
    samples = [event for event in events if isinstance(event, Sample)]
    assert sorted(sample.index for sample in samples) == [0, 1]
    for sample in samples:
        deltas = [event for event in events if isinstance(event, Delta) and event.index == sample.index]
        assert "".join(delta.text for delta in deltas) == sample.text
        assert sum((delta.token_ids for delta in deltas), ()) == sample.token_ids


def test_a_stop_sequence_ends_the_text_before_itself(address: str) -> None:
    with Client(address) as client:
        whole = client.generate([40, 41, 42], temperature=0.0, max_new_tokens=40)
        stop = whole.text[10:13]
        cut = client.generate([40, 41, 42], temperature=0.0, max_new_tokens=40, stop_sequences=[stop])
    assert cut.samples[0].finish_reason is FinishReason.STOP_SEQUENCE
    assert cut.text == whole.text[: whole.text.index(stop)]


def test_beams_and_penalties_of_the_founding_script_are_reachable(address: str) -> None:
    with Client(address) as client:
        beams = client.generate([5, 6, 7], num_beams=4, top_k=1, max_new_tokens=6)
        samples = client.generate(
            [5, 6, 7], num_return=3, top_k=50, top_p=0.95, repetition_penalty=1.2, max_new_tokens=6
        )
    assert beams.samples[0].usage.new_tokens <= 6
    assert len(samples.samples) == 3


@pytest.mark.parametrize(
    ("prompt", "options", "field"),
    [
        ("", {}, "text"),
        ([5, 6], {"temperature": float("nan")}, "sampling.temperature"),
        ([5, 6], {"num_beams": 2, "top_k": 3}, "sampling.top_k"),
        ([5, 6], {"max_new_tokens": 100_000}, "stopping.max_new_tokens"),
        ([5, 1_000_000], {}, "tokens.ids"),
    ],
)
def test_bad_input_names_its_field(
    address: str, prompt: str | list[int], options: dict[str, float], field: str
) -> None:
    with Client(address) as client, pytest.raises(InvalidRequestError) as error:
        client.generate(prompt, **options)  # type: ignore[arg-type]
    assert any(field in violation.field for violation in error.value.violations)
