"""Calibration that cannot be is refused in words that say why, and leaves nothing."""

import errno
import json

import numpy as np
import pytest
from askwell_convert.calibration.calibrate import Calibration, calibrate
from askwell_convert.calibration.steps import STEPS
from askwell_convert.convert import open_source
from askwell_convert.errors import ConvertError
from checkpoints import gptj_config, gptj_folder, random_gptj


def gptj(folder):
    config = gptj_config()
    return gptj_folder(folder, config, random_gptj(config))


def write_text(folder):
    """Of the vocabulary that the tiny tokenizers know."""
    text = folder / "text.txt"
    text.write_text("".join(chr(33 + n) for n in np.random.default_rng(1).integers(0, 90, 4000)))
    return text


def calibration(tmp_path, *steps):
    return Calibration((write_text(tmp_path),), 1024, frozenset(steps))


@pytest.mark.parametrize("case", ["short", "no text", "float", "other form", "not finite", "huge"])
def test_calibration_that_cannot_be_is_refused_and_leaves_nothing(tmp_path, run_convert, case):
    source, text = gptj(tmp_path / "source"), tmp_path / "text.txt"
    text.write_bytes(b"\xff\xfe" if case == "no text" else b"too short")
    if case in ("not finite", "huge"):
        tensors = random_gptj(gptj_config())
        if case == "huge":
            tensors["transformer.h.1.ln_1.weight"][:] = 1e20
        tensors["transformer.h.1.mlp.fc_in.weight"][3, 5:9] = 1e20 if case == "huge" else np.nan
        gptj_folder(source, gptj_config(), tensors)
        text = write_text(tmp_path)
    precision = ("float16", 0) if case == "float" else ("int8_float16", 63)
    if case == "other form":
        config = {**gptj_config(), "activation_function": "gelu"}
        (source / "config.json").write_text(json.dumps(config))
    told = {
        "short": "at least 256 are needed",
        "no text": "no UTF-8 text",
        "float": "choose an int8",
        "other form": "cannot be computed",
        "not finite": "transformer.h.1.mlp.fc_in.weight holds NaN",
        "huge": "layer_1 computes NaN, infinities",
    }
    with pytest.raises(ConvertError, match=told[case]):
        run_convert(source, tmp_path / "model", *precision, calibrate=Calibration((text,)))
    assert not [path for path in tmp_path.iterdir() if "model" in path.name]


@pytest.mark.parametrize("steps", [(), STEPS])
@pytest.mark.parametrize("name", ["transformer.wte.weight", "transformer.h.1.mlp.fc_out.weight"])
def test_weights_that_are_no_numbers_are_named_before_they_are_computed_with(
    tmp_path, run_convert, steps, name
):
    config = gptj_config()
    tensors = random_gptj(config)
    tensors[name][[2, -1], 1] = np.nan, np.inf
    source = gptj_folder(tmp_path / "source", config, tensors)
    with pytest.raises(ConvertError, match=rf"tensor {name} holds NaN.* \(2 values, the first in row 2"):
        run_convert(source, tmp_path / "model", "int8_float16", 63, calibrate=calibration(tmp_path, *steps))


@pytest.mark.parametrize(
    "name", ["decoder.layer_0.self_attention.linear_0.weight", "decoder.projection.weight"]
)
def test_full_disk_is_told_as_what_it_is(tmp_path, name):
    source, settings = open_source(str(gptj(tmp_path / "source")), None), calibration(tmp_path, *STEPS)
    (tmp_path / name).symlink_to("/dev/full")
    with pytest.raises(OSError) as caught:
        calibrate(source, settings, 63, tmp_path, lambda path, count: None)
    assert caught.value.errno == errno.ENOSPC
