"""What kills and soak make of what they saw, and the process table they read."""

import os
import subprocess
import sys
from collections import Counter

import pytest
from askwell_bench.kills import Kill, _figures
from askwell_bench.process_table import children_of, command_of, holding_of, server_pid
from askwell_bench.soak import Census, Sample, Soak


def soak_of(memory_at: dict[float, float]) -> Soak:
    return Soak([Sample(at_s, 100.0, memory, 0.0) for at_s, memory in memory_at.items()])


def test_growth_counts_from_when_the_server_had_settled() -> None:
    minutes = {60.0 * minute: 500.0 if minute < 5 else 1000.0 for minute in range(31)}
    assert soak_of(minutes).growth(30)["engine"] == 0
    minutes |= {60.0 * minute: 1100.0 for minute in range(28, 31)}
    assert soak_of(minutes).growth(30) == pytest.approx({"front": 0, "engine": 0.1, "total": 100 / 1100})
    assert soak_of({0.0: 1.0}).growth(30) == {}


def test_only_what_there_is_more_of_is_leaked() -> None:
    soak = Soak(before=Census(3, 40, 90), after=Census(3, 38, 92))
    assert soak.leaked() == {"files": 2}
    assert Soak(before=Census(1, 1, 1)).leaked() == {}


def test_late_service_and_any_status_but_unavailable_are_told() -> None:
    kills = [Kill("SIGKILL", 1.0, 3.0, 0.5, 6.0), Kill("SIGSEGV", 2.0, 3.0, 3.5, 4.0)]
    figures = _figures(kills, Counter(OK=5, UNAVAILABLE=2, INTERNAL=1), load_s=1.0)
    assert (figures["late"], figures["wrong_ends"], figures["requests"]) == (1, 1, 8)
    assert figures["back_s"] == {"median": 3.5, "max": 3.5}


def test_a_child_is_known_by_its_parent_until_it_ends() -> None:
    command = [sys.executable, "-c", "print(flush=True); input()", "marked"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None and child.stdout.readline()  # a process that only begins holds little
        assert child.pid in children_of(os.getpid()) and "marked" in command_of(child.pid)
        held = holding_of(child.pid)
        assert held is not None and held.memory_bytes > 2**20 and held.threads >= 1 and held.files >= 3
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # over, and not yet reaped
        assert holding_of(child.pid) is None and child.pid not in children_of(os.getpid())
    with pytest.raises(RuntimeError, match="askwell-server"):
        server_pid()
