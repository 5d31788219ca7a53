"""The whole engine on the tiny model: what a row gets does not depend on its company."""

import asyncio
import json
import shutil
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from askwell_manifest import MANIFEST_NAME, read_manifest
from askwell_server.engine.config import EngineConfig
from askwell_server.engine.folder import ModelRefused
from askwell_server.engine.live import LiveEngine
from askwell_server.engine.row import Finish, Options, Piece, Reason, Row
from askwell_server.errors import DeadlinePassed, NotSupported, QueueFull, ServerFault, Unavailable
from following import finish_of, finishes_of
from tiny_model import BATCHING_PAYS

GREEDY = Options(temperature=0.0)
ENDLESS = 20_000  # tokens: longer than any test


@pytest_asyncio.fixture
async def engine(tiny_folder: Path) -> AsyncIterator[LiveEngine]:
    engine = LiveEngine(
        EngineConfig(
            model_dir=tiny_folder,
            devices=("cpu",),
            intra_threads=1,
            inter_threads=1,
            cost_model=BATCHING_PAYS,
            max_batch_tokens=4 * ENDLESS,
        )
    )
    await engine.start()
    yield engine
    await engine.close()


def row(*prompt: int, new: int = 12, options: Options = GREEDY, **more: object) -> Row:
    return Row(prompt, options, new, **more)  # type: ignore[arg-type]


async def alone(engine: LiveEngine, rows: list[Row]) -> list[Finish]:
    return [(await finishes_of(engine.submit([r])))[0] for r in rows]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - the engine has no event for tests
            await asyncio.sleep(0.005)


PREFIX = tuple(range(10, 40))


async def test_batched_equals_alone_for_mixed_lengths_and_shared_prefixes(engine: LiveEngine) -> None:
    rows = [row(*PREFIX, *range(i, i + 2 + i % 4), new=6 + i % 5) for i in range(40, 48)]
    rows += [row(*range(i, i + 1 + i % 9)) for i in range(60, 76)]
    together = await finishes_of(engine.submit(rows))
    assert [f.token_ids for f in together] == [f.token_ids for f in await alone(engine, rows)]
    assert any(f.usage.prefix_tokens == len(PREFIX) for f in together)
    assert any(f.usage.forced_tokens for f in together)


async def test_one_token_prompts_get_what_they_get_alone(engine: LiveEngine) -> None:
    rows = [row(50), row(50, 51, 52), row(60), row(60, 61)]
    together = await finishes_of(engine.submit(rows))
    assert [f.token_ids for f in together] == [f.token_ids for f in await alone(engine, rows)]
    assert {f.usage.batch_size for f in together} == {2}


async def test_every_row_stops_at_its_own_limit(engine: LiveEngine) -> None:
    finishes = await finishes_of(engine.submit([row(50, 51, new=n) for n in (1, 3, 9)]))
    assert [len(f.token_ids) for f in finishes] == [1, 3, 9]
    assert {f.reason for f in finishes} == {Reason.MAX_TOKENS}


async def test_cancelled_row_leaves_its_siblings_unchanged(engine: LiveEngine) -> None:
    rows = [row(50, 51, 52, new=ENDLESS), row(60, 61, 62, new=60), row(70, 71, 72, new=60)]
    expected = await alone(engine, rows[1:])
    first, *others = engine.submit(rows)
    piece = await anext(aiter(first))
    assert isinstance(piece, Piece) and piece.text and piece.token_ids
    first.cancel()
    first.cancel()
    finishes = await finishes_of(others)
    assert [f.token_ids for f in finishes] == [f.token_ids for f in expected]
    assert {f.usage.batch_size for f in finishes} == {3}
    cancelled = [event async for event in first][-1]
    assert isinstance(cancelled, Finish) and cancelled.reason is Reason.CANCELLED
    await until(lambda: engine.load().running_rows == 0)
    assert (await finishes_of(engine.submit([rows[1]])))[0].token_ids == expected[0].token_ids


async def test_stop_string_ends_the_row_and_is_cut(engine: LiveEngine) -> None:
    (whole,) = await alone(engine, [row(50, 51, 52, new=24)])
    stop = whole.text[5:7]
    cut = whole.text.index(stop)
    for include, text in ((False, whole.text[:cut]), (True, whole.text[:cut] + stop)):
        (finish,) = await finishes_of(
            engine.submit([row(50, 51, 52, new=100 * ENDLESS, stops=(stop,), include_stop=include)])
        )
        assert (finish.reason, finish.stop, finish.text) == (Reason.STOP_SEQUENCE, stop, text)
        assert finish.token_ids == whole.token_ids[: len(finish.token_ids)]
        assert engine.tokenizer.decode(finish.token_ids).startswith(text)
        assert not engine.tokenizer.decode(finish.token_ids[:-1]).startswith(text)


async def test_end_token_ends_the_row_and_is_left_out(tiny_folder: Path, tmp_path: Path) -> None:
    plain = LiveEngine(
        EngineConfig(
            model_dir=tiny_folder,
            devices=("cpu",),
            intra_threads=1,
            inter_threads=1,
            cost_model=BATCHING_PAYS,
        )
    )
    await plain.start()
    (whole,) = await alone(plain, [row(50, 51, 52)])
    await plain.close()
    end = next(i for i in range(1, 12) if whole.token_ids[i] not in whole.token_ids[:i])
    folder = shutil.copytree(tiny_folder, tmp_path / "ending")
    manifest = json.loads((folder / "askwell.json").read_text())
    manifest["end_tokens"] = [plain.tokenizer.tokens(whole.token_ids)[end]]
    (folder / "askwell.json").write_text(json.dumps(manifest))
    engine = LiveEngine(
        EngineConfig(
            model_dir=folder, devices=("cpu",), intra_threads=1, inter_threads=1, cost_model=BATCHING_PAYS
        )
    )
    await engine.start()
    (finish,) = await alone(engine, [row(50, 51, 52)])
    (longer,) = await alone(engine, [row(50, 51, 52, min_new_tokens=12)])
    await engine.close()
    assert (finish.reason, finish.token_ids) == (Reason.EOS, whole.token_ids[:end])
    assert len(longer.token_ids) == 12


async def test_row_that_expires_in_the_queue_never_runs(engine: LiveEngine) -> None:
    now_s = time.monotonic()
    late, blocker, waiting = engine.submit(
        [
            row(60, 61, deadline_s=now_s - 1),
            row(50, 51, new=ENDLESS),
            row(60, 61, options=Options(temperature=0.5), deadline_s=now_s + 0.1),
        ]
    )
    for stream in (late, waiting):
        with pytest.raises(DeadlinePassed):
            await finish_of(stream)
    assert engine.load().queued_rows == 0 and engine.load().running_rows == 1
    blocker.cancel()


async def test_running_row_past_its_deadline_keeps_what_it_has(engine: LiveEngine) -> None:
    (finish,) = await finishes_of(
        engine.submit([row(50, 51, new=ENDLESS, deadline_s=time.monotonic() + 0.3)])
    )
    assert finish.reason is Reason.TIME_LIMIT
    assert len(finish.token_ids) > 0


async def test_samples_carry_a_logprob_for_each_token(engine: LiveEngine) -> None:
    options = Options(temperature=0.8, top_k=0, top_p=0.9, logprobs=True)
    finishes = await finishes_of(engine.submit([row(50, 51, 52, options=options)] * 4))
    assert len({f.token_ids for f in finishes}) > 1
    for finish in finishes:
        assert len(finish.logprobs) == len(finish.token_ids) > 0
        assert all(p <= 0 for p in finish.logprobs)


async def test_beams_come_at_the_end_and_equal_alone(engine: LiveEngine) -> None:
    beams = Options(temperature=0.0, num_beams=3)
    rows = [row(50, 51, 52, options=beams), row(60, 61, 62, options=beams), row(60, 61, options=beams)]
    together = await finishes_of(engine.submit(rows))
    assert [f.token_ids for f in together] == [f.token_ids for f in await alone(engine, rows)]
    assert [f.usage.batch_size for f in together] == [2, 2, 1]
    with pytest.raises(NotSupported):
        engine.submit([row(50, options=Options(num_beams=2, top_k=0, logprobs=True))])


async def test_inputs_that_would_crash_the_engine_fail_alone(engine: LiveEngine) -> None:
    crashing = Options(temperature=1.0, num_beams=2, top_k=3)
    (stream,) = engine.submit([row(50, 51, options=crashing)])
    with pytest.raises(ServerFault):
        await finish_of(stream)
    assert (await alone(engine, [row(50, 51)]))[0].reason is Reason.MAX_TOKENS


async def test_full_queue_refuses_all_rows_of_a_call_and_says_when(tiny_folder: Path) -> None:
    engine = LiveEngine(
        EngineConfig(
            model_dir=tiny_folder,
            devices=("cpu",),
            intra_threads=1,
            inter_threads=1,
            cost_model=BATCHING_PAYS,
            queue_limit=2,
        )
    )
    with pytest.raises(Unavailable):
        engine.submit([row(50, 51)])
    await engine.start()
    with pytest.raises(QueueFull) as refusal:
        engine.submit([row(50, 51)] * 3)
    assert refusal.value.retry_s is not None and refusal.value.retry_s > 0
    assert engine.load().queued_rows == 0
    await engine.close()


async def test_drain_finishes_what_was_admitted_and_admits_no_more(engine: LiveEngine) -> None:
    streams = engine.submit([row(50 + i, 51 + i, new=40) for i in range(40)])
    draining = asyncio.create_task(engine.drain())
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        engine.submit([row(50, 51)])
    assert {f.reason for f in await finishes_of(streams)} == {Reason.MAX_TOKENS}
    await asyncio.wait_for(draining, 10)


async def test_timing_and_usage_add_up(engine: LiveEngine) -> None:
    (finish,) = await alone(engine, [row(50, 51, 52, new=5)])
    timing, usage = finish.timing, finish.usage
    assert timing.first_token_s == pytest.approx(timing.queue_s + timing.prefill_s)
    assert min(timing.queue_s, timing.prefill_s, timing.decode_s) >= 0
    assert (usage.prompt_tokens, usage.new_tokens, usage.batch_size) == (3, 5, 1)


@pytest.mark.parametrize("missing", ["model.bin", "tokenizer.json", "vocabulary.json", "askwell.json"])
async def test_half_written_folder_is_refused_with_one_line(
    tiny_folder: Path, tmp_path: Path, missing: str
) -> None:
    folder = shutil.copytree(tiny_folder, tmp_path / "half")
    (folder / missing).unlink()
    with pytest.raises(ModelRefused) as refusal:
        await LiveEngine(EngineConfig(model_dir=folder, devices=("cpu",))).start()
    assert "\n" not in str(refusal.value) and str(folder) in str(refusal.value)


async def test_full_range_int8_is_refused_where_it_saturates(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CT2_USE_MKL", "0")
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    config = EngineConfig(model_dir=tiny_folder, devices=("cpu",), compute_type="int8", intra_threads=1)
    assert read_manifest(tiny_folder).quantization == "float32"  # ctranslate2 would use the full range
    with pytest.raises(ModelRefused, match="VNNI"):
        await LiveEngine(config).start()

    folder = shutil.copytree(tiny_folder, tmp_path / "int8")
    manifest = replace(read_manifest(folder), quantization="int8", weight_range=127)
    (folder / MANIFEST_NAME).write_text(manifest.to_json(), encoding="utf-8")
    config = EngineConfig(model_dir=folder, devices=("cpu",), compute_type="default", intra_threads=1)
    with pytest.raises(ModelRefused, match=r"VNNI.*--allow-full-range"):
        await LiveEngine(config).start()
