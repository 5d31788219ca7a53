"""The domain pool with real workers: whatever a document does to one, the pool answers and goes on."""

import asyncio
import logging
from pathlib import Path

import pytest
from askwell_server.domain.pool import DomainPool
from askwell_server.errors import InvalidRequest, ServerFault, Unavailable
from domain_tasks import Misbehave


@pytest.fixture
async def pool(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent), prepend=":")
    pool = DomainPool(1, task_limit_s=1.0)
    await pool.start()
    yield pool
    await pool.close()


async def test_worker_is_reused_until_it_dies(pool):
    first = await pool.run(Misbehave("nothing"))
    assert await pool.run(Misbehave("nothing")) == first
    with pytest.raises(InvalidRequest) as died:
        await pool.run(Misbehave("die"))
    assert died.value.message == "resume: could not be read: its reader broke down"
    assert await pool.run(Misbehave("nothing")) != first


async def test_worker_that_dies_over_no_document_asks_for_another_try(pool):
    with pytest.raises(Unavailable) as died:
        await pool.run(Misbehave("die", field=""))
    assert died.value.retry_s
    assert await pool.run(Misbehave("nothing"))


async def test_worker_that_hangs_is_replaced_and_the_document_blamed(pool):
    with pytest.raises(InvalidRequest) as hung:
        await pool.run(Misbehave("hang", "job"))
    assert hung.value.message == "job: could not be read within 1 s"
    assert await pool.run(Misbehave("nothing"))


async def test_refusals_and_faults_leave_the_worker_alive(pool, caplog):
    before = await pool.run(Misbehave("nothing"))
    with pytest.raises(InvalidRequest, match="resume: holds no text"):
        await pool.run(Misbehave("refuse"))
    for how in ("grow", "recurse"):
        with pytest.raises(InvalidRequest, match="resume: is too large or too deeply nested"):
            await pool.run(Misbehave(how))
    with caplog.at_level(logging.DEBUG), pytest.raises(ServerFault) as fault:
        await pool.run(Misbehave("fail"))
    assert "private" not in fault.value.message + caplog.text and "ValueError" in caplog.text
    assert await pool.run(Misbehave("nothing")) == before


async def test_caller_that_leaves_does_not_disturb_the_next(pool):
    leaving = asyncio.create_task(pool.run(Misbehave("nothing")))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await asyncio.gather(*(pool.run(Misbehave("nothing")) for _ in range(3)))


async def test_closed_pool_is_unavailable(pool):
    await pool.close()
    with pytest.raises(Unavailable):
        await pool.run(Misbehave("nothing"))
