"""Another model in the place of the one that serves, while requests keep coming."""

import asyncio
import shutil
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

from askwell_client import AsyncClient, Client
from tiny_model import make_tiny_model

from .conftest import ServerProcess, alive, wait_until

Start = Callable[..., ServerProcess]
PROMPT = [10, 20, 30]


def _point(link: Path, folder: Path) -> None:
    """Move a symbolic link in one step, as operators do."""
    beside = link.with_name("beside")
    beside.symlink_to(folder)
    beside.rename(link)


async def _greedy(client: AsyncClient) -> tuple[int, ...]:
    """What the model writes tells which it is: both have the same name."""
    answer = await client.generate(PROMPT, temperature=0.0, max_new_tokens=24, token_ids=True)
    return answer.samples[0].token_ids


async def test_a_swap_under_requests_fails_none_and_leaves_no_old_engine(
    start: Start, tmp_path: Path
) -> None:
    first, second = make_tiny_model(tmp_path / "one", seed=1), make_tiny_model(tmp_path / "two", seed=2)
    link = tmp_path / "live"
    link.symlink_to(first)
    server = start(model=link)
    (old,) = server.engine_pids()
    async with AsyncClient(server.address, retries=0) as client, asyncio.timeout(60):
        before = await _greedy(client)

        async def ask() -> list[tuple[int, ...]]:
            """One request after the other, for as long as the old engine lives."""
            answers = []
            while alive(old):
                answers.append(await _greedy(client))
            return answers

        asking = [asyncio.create_task(ask()) for _ in range(4)]
        _point(link, second)
        server.process.send_signal(signal.SIGHUP)
        told = await asyncio.gather(*asking)  # no request failed
        after = await _greedy(client)
        assert before != after
        for answers in told:
            assert {before} <= set(answers) <= {before, after}
            assert answers == sorted(answers, key=[before, after].index)  # after the flip only the new model
        assert (await client.health()).name == "SERVING"
    assert len(server.engine_pids()) == 1 and server.engine_pids() != [old]
    assert server.stop() == 0
    assert "Traceback" not in server.errors


def test_a_folder_that_was_damaged_is_refused_and_the_old_model_serves_on(
    start: Start, tiny_gptj: Path, tmp_path: Path
) -> None:
    """With settings in a file: the file is read again, and its model taken."""
    damaged, config = tmp_path / "damaged", tmp_path / "askwell.toml"
    shutil.copytree(tiny_gptj, damaged)
    weights = bytearray((damaged / "model.bin").read_bytes())
    weights[-1] ^= 1
    (damaged / "model.bin").write_bytes(weights)
    good = make_tiny_model(tmp_path / "good")
    config.write_text(f'model = "{tiny_gptj}"\n')
    server = start("--config", str(config), model=None)
    with Client(server.address) as client:
        old = client.model().name
        config.write_text(f'model = "{damaged}"\n')
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "is not swapped" in server.errors)
        assert "sha256 differs" in server.errors and client.model().name == old
        config.write_text(f'model = "{good}"\n')
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: client.model().name == "tiny-gptj")
        assert client.generate(PROMPT, max_new_tokens=4).model == "tiny-gptj"
    assert server.stop() == 0


def test_metrics_tell_of_calls_rows_and_batches(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server = start("--metrics-port", str(port))
    with Client(server.address) as client:
        client.generate(PROMPT, num_return=3, max_new_tokens=8, min_new_tokens=8)

    def scraped() -> dict[str, str]:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as response:
            lines = response.read().decode().splitlines()
        return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))

    wait_until(lambda: scraped()["askwell_new_tokens_total"] == "24.0")  # told when their batch is done
    figures = scraped()
    assert figures['askwell_requests_total{code="OK",method="GenerationService/Generate"}'] == "1.0"
    assert figures["askwell_time_to_first_token_seconds_count"] == "3.0"
    assert figures["askwell_batch_rows_total"] == "3.0"
    assert float(figures['askwell_cost_seconds{coefficient="step_call"}']) >= 0
    assert server.stop() == 0
