"""A swap either puts the new model in the old one's place, or changes nothing."""

import asyncio
import logging
import threading
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest
from askwell_manifest import FileRecord, ManifestError
from askwell_server import room
from askwell_server.config import ConfigError
from askwell_server.engine.folder import ModelRefused
from askwell_server.engine.row import Reason
from askwell_server.errors import Unavailable
from askwell_server.swap import Swap
from fake_engine import MANIFEST, Script, until
from living_engine import LivingEngine, model_of


def engine_of(script=None, refusal=None, loaded=True):
    engine = LivingEngine(lambda row: script or Script(), refusal)
    if loaded:
        engine.may_load.set()
    return engine


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "model.bin").write_bytes(b"weights")
    return tmp_path


@asynccontextmanager
async def swapping(reopened, hold_s=60.0, announce=None):
    """A swap that runs, over a model that serves; and the lines it announces."""
    old, lines = engine_of(), []
    await old.start()
    swap = Swap(model_of(old), reopened, lambda: None, announce or lines.append, hold_s)
    running = asyncio.create_task(swap.run())
    yield swap, old, lines
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


WHOLE = replace(MANIFEST, files={})


async def test_the_old_model_is_closed_when_its_last_call_ends_and_its_counts_stay(folder):
    new = engine_of()
    async with swapping(lambda: model_of(new, folder, WHOLE)) as (swap, old, lines):
        old.statistics.batches, new.statistics.batches = 5, 2
        with swap.serving.lease() as first, swap.serving.lease() as second:
            swap.ask()
            await until(lambda: lines)
            with swap.serving.lease() as third:
                assert first.engine is second.engine is old and third.engine is new
            await asyncio.sleep(0)
            assert not old.closed and len(swap.alive) == 2
        await until(lambda: len(swap.alive) == 1)
        assert old.closed and not new.closed and swap.statistics.batches == 7
        assert [len(stream.row.prompt) > 0 for stream in new.streams] == [True]  # it was tried


async def test_nobody_has_to_read_what_is_announced(folder):
    """With standard output closed, what serves and what the swap says must still be one model."""
    new = engine_of()
    async with swapping(lambda: model_of(new, folder, WHOLE), announce=raising(BrokenPipeError())) as (
        swap,
        old,
        _,
    ):
        swap.ask()
        await until(lambda: old.closed)
        assert swap.model.engine is swap.serving.served.engine is new
        assert list(swap.alive) == [swap.model]


async def test_what_a_model_that_is_not_taken_has_done_stays_counted(folder, caplog):
    new = engine_of(Script(error=Unavailable("it died")))
    new.statistics.batches = 2
    async with swapping(lambda: model_of(new, folder, WHOLE)) as (swap, old, _):
        old.statistics.batches = 5
        swap.ask()
        await until(lambda: caplog.records)
        assert swap.statistics.batches == 7


async def test_a_server_that_stops_waits_for_no_hash(folder, monkeypatch):
    begun, ended, late_s = threading.Event(), threading.Event(), time.monotonic() + 5

    def verify(folder, manifest, given_up):
        begun.set()
        while not given_up() and time.monotonic() < late_s:
            time.sleep(0.001)
        if given_up():
            ended.set()

    monkeypatch.setattr("askwell_server.swap.verify_files", verify)
    async with swapping(lambda: model_of(engine_of(), folder, WHOLE)) as (swap, _, _):
        swap.ask()
        await until(begun.is_set)
    assert await asyncio.to_thread(ended.wait, 5)


def raising(error):
    def raises(*_):
        raise error

    return raises


CASES = {
    "settings": (lambda folder: raising(ConfigError("no config file at x")), "no config file at x"),
    "folder": (lambda folder: raising(ManifestError("no model folder at y")), "no model folder at y"),
    "hash": (
        lambda folder: (
            lambda: model_of(
                engine_of(), folder, replace(MANIFEST, files={"model.bin": FileRecord("ab" * 32, 7)})
            )
        ),
        "its sha256 differs",
    ),
    "load": (
        lambda folder: lambda: model_of(engine_of(refusal=ModelRefused("out of memory")), folder, WHOLE),
        "out of memory",
    ),
    "no text": (
        lambda folder: lambda: model_of(engine_of(Script((), Reason.EOS)), folder, WHOLE),
        "generates no text",
    ),
    "trial": (
        lambda folder: lambda: model_of(engine_of(Script(error=Unavailable("it died"))), folder, WHOLE),
        "it died",
    ),
    "bug": (lambda folder: raising(KeyError("bug")), "is not swapped"),
}


@pytest.mark.parametrize("case", CASES)
async def test_what_goes_wrong_is_one_line_and_changes_nothing(case, folder, caplog):
    make, told = CASES[case]
    made = []

    def reopened():
        made.append(make(folder)())
        return made[-1]

    async with swapping(reopened) as (swap, old, lines):
        for count in (1, 2):  # and it can be tried again
            swap.ask()
            await until(lambda count=count: len(caplog.records) == count)
            assert told in caplog.records[-1].getMessage()
        assert (
            swap.model.engine is old
            and swap.serving.served.engine is old
            and list(swap.alive) == [swap.model]
        )
        assert not old.closed and not lines
        assert all(model.engine.closed or not model.engine.ready for model in made)


async def test_a_model_that_memory_does_not_allow_is_not_loaded(folder, caplog, monkeypatch):
    new = engine_of()
    monkeypatch.setattr(room, "free_bytes", lambda device: 400 * 2**20)
    async with swapping(lambda: model_of(new, folder, WHOLE)) as (swap, old, _):
        swap.ask()
        await until(lambda: caplog.records)
        told = "needs about 0.5 GB of memory on cpu, and 0.4 GB are free"
        assert told in caplog.records[-1].getMessage()
        assert not new.ready and swap.model.engine is old


async def test_asking_again_during_a_swap_swaps_once_more(folder, caplog):
    caplog.set_level(logging.INFO)
    engines = [engine_of(loaded=False) for _ in range(2)]
    left = iter(engines)
    async with swapping(lambda: model_of(next(left), folder, WHOLE)) as (swap, _, lines):
        swap.ask()
        await until(lambda: len(swap.alive) == 2)
        swap.ask()
        swap.ask()
        assert sum("a swap is under way" in record.getMessage() for record in caplog.records) == 2
        for engine in engines:
            engine.may_load.set()
        await until(lambda: len(lines) == 2 and len(swap.alive) == 1)
        assert swap.model.engine is engines[1] and engines[0].closed
        await asyncio.sleep(0.05)
        assert len(lines) == 2


async def test_a_call_that_never_ends_does_not_keep_the_old_model(folder, caplog):
    async with swapping(lambda: model_of(engine_of(), folder, WHOLE), hold_s=0.05) as (swap, old, _):
        with swap.serving.lease():
            swap.ask()
            await until(lambda: old.closed)
        assert "1 calls still held the old model" in caplog.records[-1].getMessage()


async def test_a_server_that_stops_during_a_swap_closes_both(folder):
    new = engine_of(loaded=False)
    async with swapping(lambda: model_of(new, folder, WHOLE)) as (swap, old, _):
        swap.ask()
        await until(lambda: len(swap.alive) == 2)
    assert new.closed and not old.closed
    await swap.close()
    assert old.closed


@pytest.mark.parametrize(
    ("devices", "compute_type", "free", "lacking"),
    [
        (("cpu",), "auto", {"cpu": 2.9e9}, "2.8 GB of memory on cpu"),
        (
            ("cuda:0", "cuda:1"),
            "int8_float16",
            {"cpu": 2.1e9, "cuda:0": 1.9e9, "cuda:1": 1.9e9},
            "1.8 GB of memory on cuda:1",
        ),
        (
            ("cuda:0", "cuda:1"),
            "auto",
            {"cpu": 1.9e9, "cuda:0": None, "cuda:1": None},
            "2.0 GB of memory on cpu",
        ),
        (("auto",), "float32", {"cpu": 9.8e9}, "9.7 GB of memory on cpu"),  # beside one on the CPU
        (("cuda:0",), "float16", {"cpu": 2.1e9, "cuda:0": 3.2e9}, "3.1 GB of memory on cuda:0"),
    ],
)
def test_a_model_needs_its_weights_as_they_are_computed_with_and_a_copy_while_it_loads(
    tmp_path, monkeypatch, devices, compute_type, free, lacking
):
    with (tmp_path / "model.bin").open("wb") as file:
        file.truncate(1_000_000_000)  # takes no disk
    monkeypatch.setattr(room, "free_bytes", free.__getitem__)
    model = replace(model_of(engine_of(), tmp_path), devices=devices, compute_type=compute_type)
    last = [*free][-1]
    if free[last]:
        room.check_room(model, ["cpu"])
        free[last] = 1e9
    with pytest.raises(room.NoRoom, match=lacking):
        room.check_room(model, ["cpu"])
