"""SIGHUP's other half: domain workers get another encoder, one after the other, and no task fails."""

import asyncio
import shutil
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from askwell_convert.convert import Request, convert
from askwell_convert.specification import Precision
from askwell_server.domain.encoder import MiniLm
from askwell_server.domain.encoder_folder import EncoderRefused
from askwell_server.domain.pool import DomainPool
from askwell_server.encoder_swap import EncoderSwap
from berts import bert_folder, random_bert
from domain_tasks import Encode, Misbehave
from fake_engine import until

TEXTS = ("tell me about a time", "when you led the team?")


class Silent:
    def begin(self, total_bytes):
        pass

    def advance(self, tensor, count_bytes):
        pass


def _encoder(folder, seed):
    source = bert_folder(folder / f"source-{seed}", random_bert(seed))
    convert(Request(str(source), folder / f"encoder-{seed}", Precision("float32", 0)), Silent())
    return folder / f"encoder-{seed}"


def _point(link, folder):
    beside = link.with_name("beside")
    beside.symlink_to(folder)
    beside.rename(link)


@pytest.fixture
async def live(tmp_path, monkeypatch):
    """A link to an encoder, and a pool over it."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent), prepend=":")
    link = tmp_path / "live"
    link.symlink_to(_encoder(tmp_path, 1))
    pool = DomainPool(2, link)
    await pool.start()
    yield pool, link
    await pool.close()


@asynccontextmanager
async def swapping(pool, reread, announce):
    swap = EncoderSwap(pool, reread, announce)
    running = asyncio.create_task(swap.run())
    yield swap
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_every_worker_gets_the_other_encoder_and_no_task_fails(live, tmp_path):
    pool, link = live
    other = _encoder(tmp_path, 2)
    before, after = MiniLm(link).encode(TEXTS), MiniLm(other).encode(TEXTS)
    assert not np.allclose(before, after)
    workers = {await pool.run(Misbehave("nothing")) for _ in range(4)}
    lines, swapped = [], asyncio.Event()

    def announce(line):
        lines.append(line)
        swapped.set()

    async def ask():
        while not swapped.is_set():
            rows = await pool.run(Encode(TEXTS))
            assert np.array_equal(rows, before) or np.array_equal(rows, after)

    async with swapping(pool, lambda: link, announce) as swap, asyncio.timeout(60):
        callers = [asyncio.create_task(ask()) for _ in range(3)]
        swap.ask()  # the link points where it did: nothing to do
        await asyncio.sleep(0.05)
        assert not lines
        _point(link, other)
        swap.ask()
        await asyncio.gather(*callers)
    for _ in range(4):
        np.testing.assert_array_equal(await pool.run(Encode(TEXTS)), after)
    assert workers.isdisjoint({await pool.run(Misbehave("nothing")) for _ in range(4)})
    assert lines == [f"askwell-server: sentences are now encoded by {other}"]


async def test_an_encoder_that_is_no_good_is_one_line_and_changes_nothing(live, tmp_path, caplog):
    pool, link = live
    before = MiniLm(link).encode(TEXTS)
    damaged = shutil.copytree(link.resolve(), tmp_path / "damaged")
    (damaged / "model.bin").write_bytes(bytes((damaged / "model.bin").stat().st_size))
    rows = {"none": "no model folder", "damaged": "sha256 differs"}
    lines = []
    async with swapping(pool, lambda: link, lines.append) as swap:
        for number, name in enumerate(rows, start=1):
            _point(link, tmp_path / name)
            swap.ask()
            await until(lambda number=number: len(caplog.records) == number)
    told = [record.getMessage() for record in caplog.records]
    for line, why in zip(told, rows.values(), strict=True):
        assert "the encoder is not swapped" in line and why in line
    assert not lines
    with pytest.raises(EncoderRefused):  # the first new worker says so
        await pool.change_encoder(tmp_path / "none")
    assert pool.encoder == tmp_path / "encoder-1"
    for _ in range(2):
        np.testing.assert_array_equal(await pool.run(Encode(TEXTS)), before)
