"""Which CPUs saturate full-range int8 and how many cores there are, from what Linux says of them."""

from pathlib import Path

import pytest
from askwell_manifest import int8_saturates
from askwell_server.engine import cpu
from askwell_server.engine.cpu import physical_cores, quota_cores


def cpuinfo(vendor: str, flags: str) -> str:
    return f"processor\t: 0\nvendor_id\t: {vendor}\nflags\t\t: fpu avx2 {flags}\n"


INTEL, AMD = "GenuineIntel", "AuthenticAMD"


@pytest.mark.parametrize(
    ("vendor", "flags", "env", "saturates"),
    [
        (INTEL, "avx512_vnni", {}, False),
        (INTEL, "avx_vnni", {}, False),
        (INTEL, "", {}, True),
        (AMD, "", {}, True),
        (AMD, "avx512_vnni", {}, False),
        (AMD, "", {"CT2_USE_MKL": "1"}, False),
        (INTEL, "avx512_vnni", {"MKL_ENABLE_INSTRUCTIONS": "AVX2"}, True),
        (INTEL, "avx512_vnni", {"ONEDNN_MAX_CPU_ISA": "AVX2"}, False),
        (INTEL, "avx512_vnni", {"CT2_USE_MKL": "0", "ONEDNN_MAX_CPU_ISA": "AVX2"}, True),
        (INTEL, "avx512_vnni", {"CT2_USE_MKL": "0", "DNNL_MAX_CPU_ISA": "avx512_core"}, True),
        (INTEL, "avx512_vnni avx_vnni", {"CT2_USE_MKL": "0", "ONEDNN_MAX_CPU_ISA": "AVX2_VNNI"}, False),
        (INTEL, "avx512_vnni", {"CT2_USE_MKL": "0", "ONEDNN_MAX_CPU_ISA": "AVX2_VNNI"}, True),
    ],
)
def test_saturation_follows_vnni_and_the_back_end(
    vendor: str, flags: str, env: dict[str, str], saturates: bool
) -> None:
    assert int8_saturates(env, cpuinfo(vendor, flags), "x86_64") is saturates


def test_arm_does_not_saturate() -> None:
    assert not int8_saturates({}, "", "aarch64")


def test_there_is_a_core_to_run_on() -> None:
    assert physical_cores() >= 1


@pytest.mark.parametrize(
    ("groups", "files", "cores"),
    [
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "5000 100000\n"}, 1),
        ("0::/a/b\n", {"a/b/cpu.max": "400000 100000\n", "a/cpu.max": "300000 100000\n"}, 3),
        ("2:cpu,cpuacct:/\n", {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ("2:cpu,cpuacct:/a\n", {"cpu/a/cpu.cfs_quota_us": "250000", "cpu/a/cpu.cfs_period_us": "100000"}, 3),
        ("", {"cpu.max": "100000 100000\n"}, None),
    ],
)
def test_quota_of_time_is_worth_so_many_cores(tmp_path: Path, groups, files, cores) -> None:
    mounted = {f"sys/fs/cgroup/{name}": text for name, text in files.items()}
    for name, text in ({"proc/self/cgroup": groups} | mounted).items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert quota_cores(tmp_path) == cores


def test_no_more_cores_are_used_than_the_quota_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "quota_cores", lambda: None)
    cores = physical_cores()
    monkeypatch.setattr(cpu, "quota_cores", lambda: 1)
    assert physical_cores() == 1
    monkeypatch.setattr(cpu, "quota_cores", lambda: cores + 1)
    assert physical_cores() == cores
