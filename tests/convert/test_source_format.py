import itertools

import numpy as np
import pytest
from askwell_convert.hub import needed_files
from checkpoints import gptj_config, gptj_folder, random_gptj, write_shards, write_torch_zip
from safetensors.numpy import load_file, save_file

CONFIG = gptj_config()


@pytest.fixture(scope="module")
def tensors():
    return random_gptj(CONFIG)


def halves(tensors):
    names = sorted(tensors)
    return [{name: tensors[name] for name in part} for part in (names[::2], names[1::2])]


FORMATS = {
    "sharded safetensors": lambda folder, t: write_shards(folder, halves(t), "model", "safetensors"),
    "pytorch_model.bin": lambda folder, t: write_torch_zip(folder / "pytorch_model.bin", t),
    "sharded pytorch_model.bin": lambda folder, t: write_shards(folder, halves(t), "pytorch_model", "bin"),
}


@pytest.mark.parametrize("write", FORMATS.values(), ids=FORMATS)
def test_every_format_converts_to_the_bytes_of_one_safetensors_file(tmp_path, run_convert, tensors, write):
    other = gptj_folder(tmp_path / "other", CONFIG)
    write(other, tensors)
    run_convert(other, tmp_path / "from-other", "int8_float16", 63)
    run_convert(gptj_folder(tmp_path / "plain", CONFIG, tensors), tmp_path / "from-plain", "int8_float16", 63)
    first, second = (tmp_path / name / "model.bin" for name in ("from-other", "from-plain"))
    assert first.read_bytes() == second.read_bytes()


def test_masks_of_any_type_are_skipped(tmp_path, run_convert, tensors):
    buffers = {
        "transformer.h.0.attn.bias": np.tri(8, dtype=bool)[None, None],
        "transformer.h.1.attn.bias": np.tri(8, dtype=np.uint8)[None, None],
        "transformer.h.0.attn.masked_bias": np.array(-1e9, np.float32),
    }
    plain, masked = (gptj_folder(tmp_path / name, CONFIG) for name in ("plain", "masked"))
    write_torch_zip(plain / "pytorch_model.bin", tensors)
    write_torch_zip(masked / "pytorch_model.bin", {**buffers, **tensors})
    run_convert(plain, tmp_path / "from-plain")
    run_convert(masked, tmp_path / "from-masked")
    first, second = (tmp_path / name / "model.bin" for name in ("from-plain", "from-masked"))
    assert first.read_bytes() == second.read_bytes()


def test_mask_of_a_type_that_no_weight_has_is_skipped(tmp_path, run_convert, tensors):
    mask = {"transformer.h.0.attn.bias": np.ones((1, 1, 8, 8), np.uint32)}
    run_convert(gptj_folder(tmp_path / "source", CONFIG, {**tensors, **mask}), tmp_path / "model")
    assert (tmp_path / "model" / "askwell.json").is_file()


def test_bfloat16_is_read_as_the_upper_half_of_float32(tmp_path, run_convert, tensors):
    """numpy has no bfloat16: the file is made by renaming the type of 16-bit integers in the header."""
    upper = {name: (tensor.view(np.uint32) >> 16).astype(np.uint16) for name, tensor in tensors.items()}
    exact = {name: (bits.astype(np.uint32) << 16).view(np.float32) for name, bits in upper.items()}
    narrow = gptj_folder(tmp_path / "narrow", CONFIG)
    save_file({name: bits.view(np.int16) for name, bits in upper.items()}, narrow / "model.safetensors")
    data = (narrow / "model.safetensors").read_bytes()
    renamed = data.replace(b'"I16"', b'"BF16"')
    grown = int.from_bytes(data[:8], "little") + len(renamed) - len(data)
    (narrow / "model.safetensors").write_bytes(grown.to_bytes(8, "little") + renamed[8:])
    run_convert(narrow, tmp_path / "from-narrow")
    run_convert(gptj_folder(tmp_path / "wide", CONFIG, exact), tmp_path / "from-wide")
    first, second = (tmp_path / name / "model.bin" for name in ("from-narrow", "from-wide"))
    assert first.read_bytes() == second.read_bytes()


def test_a_folder_with_both_formats_is_read_as_safetensors(tmp_path, run_convert, tensors):
    folder = gptj_folder(tmp_path / "both", CONFIG, tensors)
    (folder / "pytorch_model.bin").write_bytes(b"not even a zip")
    run_convert(folder, tmp_path / "model")
    assert len(load_file(folder / "model.safetensors")) == len(tensors)


@pytest.mark.parametrize("pieces", [(), ("-00001-of-00002", "-00002-of-00002")])
def test_of_a_repository_only_the_files_that_are_read_are_fetched(pieces):
    stems = pieces or ("",)
    safetensors = [f"model{piece}.safetensors" for piece in stems]
    index = ["model.safetensors.index.json"] if pieces else []
    others = ["flax_model.msgpack", "tf_model.h5", "README.md", "onnx/model.onnx", "pytorch_model.bin"]
    small = ["config.json", "tokenizer.json"]
    found = needed_files(itertools.chain(others, safetensors, index, small))
    assert sorted(found) == sorted(safetensors + index + small)
    assert sorted(needed_files([*others, *small])) == sorted([*small, "pytorch_model.bin"])
    assert needed_files(["README.md", "tf_model.h5"]) == []
