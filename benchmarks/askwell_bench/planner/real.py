"""The same trace on a real server, so that the simulation can be held against it."""

import asyncio
import re
import shlex
import socket
import urllib.request
from dataclasses import dataclass, fields
from pathlib import Path

from askwell_client import AsyncClient
from askwell_server.engine.cost import CostModel

from ..load.drive import Drive
from ..load.record import Record
from ..load.workload import Vocabulary
from ..serving import running_server
from .outcome import Outcome
from .traffic import Traffic

_COEFFICIENT = re.compile(r'^askwell_cost_seconds\{[^}]*coefficient="(\w+)"[^}]*\} (\S+)$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Real:
    """What came of each request, and what the server believed a batch to cost: before the first of them, and
    as it had corrected it after the last."""

    outcomes: list[Outcome]
    cost: CostModel
    corrected: CostModel


def run_real(model: Path, flags: str, traffic: Traffic, warmup: int, timeout_s: float) -> Real:
    """The first requests of the traffic warm it up. Raises RuntimeError when the server goes away."""
    port = _free_port()
    with running_server(model, "--metrics-port", str(port), *shlex.split(flags)) as address:
        return asyncio.run(_drive(address, port, traffic, warmup, timeout_s))


def model_vocabulary(model: Path) -> Vocabulary:
    """Of the model in that folder."""
    from askwell_manifest import read_manifest
    from tokenizers import Tokenizer

    positions = read_manifest(model).positions
    return Vocabulary(Tokenizer.from_file(str(model / "tokenizer.json")).get_vocab_size(), positions)


async def _drive(address: str, port: int, traffic: Traffic, warmup: int, timeout_s: float) -> Real:
    async with AsyncClient(address, timeout_s=timeout_s, retries=0) as client:
        await Drive(client, timeout_s).closed(traffic.work[:warmup], 1)
        cost = await asyncio.to_thread(_cost, port)
        drive = Drive(client, timeout_s)
        stopped = await drive.open(traffic.work, traffic.offsets_s)
        if stopped:
            raise RuntimeError(stopped)
        corrected = await asyncio.to_thread(_cost, port)
    return Real([_outcome(record) for record in drive.records], cost, corrected)


def _outcome(record: Record) -> Outcome:
    first_s = None if record.first_s is None else record.scheduled_s + record.first_s
    return Outcome(record.scheduled_s, record.new_tokens, first_s, record.end_s if record.ok else None)


def _cost(port: int) -> CostModel:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return cost_from_metrics(answer.read().decode())


def cost_from_metrics(text: str) -> CostModel:
    """The six coefficients. Raises RuntimeError when the server does not tell them."""
    found = dict(_COEFFICIENT.findall(text))
    names = [each.name.removesuffix("_s") for each in fields(CostModel)]
    if missing := [name for name in names if name not in found]:
        raise RuntimeError(f"the server's metrics do not tell the cost of {missing[0]}")
    return CostModel(*(float(found[name]) for name in names))


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port
