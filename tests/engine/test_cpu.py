"""Which CPUs saturate full-range int8, from what Linux says of them."""

import pytest
from askwell_server.engine.cpu import int8_saturates, physical_cores


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
