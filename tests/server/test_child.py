"""A child process and the messages with it: heard to its end, told by how it ended."""

import os
import signal
from pathlib import Path

import pytest
from askwell_server.child import Child, ChildExited


async def test_child_ignores_signals_and_is_heard_to_its_end(tmp_path: Path) -> None:
    module = tmp_path / "echo_child.py"
    module.write_text(
        "import sys\n"
        "from askwell_server.child import connect\n"
        "connection = connect()\n"
        "while (message := connection.recv()) is not None:\n"
        "    connection.send(message)\n"
        "sys.exit(7)\n"
    )
    child = await Child.spawn("echo_child", env={"PYTHONPATH": str(tmp_path)})
    large = b"x" * 3_000_000
    child.send("hello")
    assert await child.recv() == "hello"
    os.kill(child.pid, signal.SIGINT)  # as Ctrl-C would, if the process shared the terminal
    os.kill(child.pid, signal.SIGTERM)
    for message in (large, None):
        child.send(message)
    assert await child.recv() == large
    for _ in range(2):
        with pytest.raises(ChildExited) as exit:
            await child.recv()
        assert exit.value.code == 7


async def test_killed_child_is_told_by_its_signal(tmp_path: Path) -> None:
    module = tmp_path / "sleeping_child.py"
    module.write_text("import time\nfrom askwell_server.child import connect\nconnect()\ntime.sleep(60)\n")
    child = await Child.spawn("sleeping_child", env={"PYTHONPATH": str(tmp_path)})
    child.kill()
    with pytest.raises(ChildExited) as exit:
        await child.recv()
    assert exit.value.code == -signal.SIGKILL
    child.send("nobody hears this")
