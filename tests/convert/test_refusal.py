"""Whatever is wrong with the source, the command says so in one line, exits with 2 and writes nothing."""

import errno
import json
import os
import pickle
import zipfile

import numpy as np
import pytest
from askwell_bench.mutants.raw import write_torch_pickle
from askwell_bench.mutants.source import tiny_source, write_source
from askwell_convert.command import main
from checkpoints import (
    TINY_GPTJ,
    gptj_config,
    gptj_folder,
    random_gptj,
    write_shards,
    write_torch_zip,
)

CONFIG = gptj_config()
Q_PROJ = "transformer.h.0.attn.q_proj.weight"


def refusal(tmp_path, capsys, source, *options) -> str:
    """The command's one line on ``source``; checks that no file but the source is left."""
    before = sorted(tmp_path.rglob("*"))
    assert main([str(source), str(tmp_path / "model"), *options]) == 2
    line = capsys.readouterr().err
    assert line.startswith("askwell-convert: ")
    assert line.count("\n") == 1
    assert "Traceback" not in line
    assert sorted(tmp_path.rglob("*")) == before
    return line


def changed(**tensors):
    """Random weights with some replaced; a tensor that is None is left out."""
    return {name: t for name, t in {**random_gptj(CONFIG), **tensors}.items() if t is not None}


WEIGHTS = {
    "missing tensor": ({Q_PROJ: None}, f"lacks tensor {Q_PROJ}"),
    "unknown tensor": ({"transformer.h.0.attn.q_proj.lora": np.zeros(3, np.float32)}, "q_proj.lora"),
    "name of two lines": ({"a\nb": np.zeros(3, np.float32)}, "does not have: tensor a\\nb"),
    "wrong shape": ({Q_PROJ: np.zeros((32, 31), np.float32)}, "has shape [32, 31]"),
    "wrong type": ({Q_PROJ: np.zeros((32, 32), np.int32)}, "is stored as I32"),
    "NaN": ({Q_PROJ: np.full((32, 32), np.nan, np.float32)}, f"{Q_PROJ} holds NaN"),
    "one infinity": (
        {Q_PROJ: np.where(np.eye(32) * np.arange(32) == 7, np.inf, 0.5).astype(np.float32)},
        f"{Q_PROJ} holds NaN, an infinity or a value too large for the chosen type (1 value, the",
    ),
    "overflow": ({"transformer.ln_f.weight": np.full(32, 1e6, np.float32)}, "transformer.ln_f.weight holds"),
}


@pytest.mark.parametrize(("tensors", "message"), WEIGHTS.values(), ids=WEIGHTS)
def test_weights_that_are_not_the_model_s_are_named(tmp_path, capsys, tensors, message):
    assert message in refusal(tmp_path, capsys, gptj_folder(tmp_path / "source", CONFIG, changed(**tensors)))


CONFIGS = {
    "no rotary_dim": ({"rotary_dim": None}, "lacks rotary_dim"),
    "odd rotary_dim": ({"rotary_dim": 3}, "rotary_dim=3"),
    "rotary_dim past the head": ({"rotary_dim": 10}, "rotary_dim=10"),
    "heads that do not divide": ({"n_head": 5}, "n_head=5"),
    "text for a number": ({"n_layer": "two"}, "n_layer='two'"),
    "absurd number": ({"n_layer": 10**9}, "n_layer=1000000000"),
    "width that would fill the memory": ({"n_embd": 1 << 30, "n_head": 1}, "n_embd=1073741824"),
    "number past all floats": ({"layer_norm_epsilon": 10**400}, "a positive number is needed"),
    "unknown activation": ({"activation_function": "mish"}, "'mish'"),
    "list for an activation": ({"activation_function": ["gelu"]}, "['gelu']"),
    "unknown model": ({"model_type": "mamba"}, "'mamba'"),
    "list for a model": ({"model_type": ["gptj"]}, "['gptj']"),
    "fewer rows than tokens": ({"vocab_size": 300}, "wte.weight has shape [336, 32]"),
}


@pytest.mark.parametrize(("changes", "message"), CONFIGS.values(), ids=CONFIGS)
def test_configuration_that_makes_no_model_is_explained(tmp_path, capsys, changes, message):
    folder = gptj_folder(tmp_path / "source", gptj_config(**changes), changed())
    assert message in refusal(tmp_path, capsys, folder)


def test_tokenizer_larger_than_the_embedding_is_refused(tmp_path, capsys):
    config = gptj_config(vocab_size=310)
    folder = gptj_folder(tmp_path / "source", config, random_gptj(config))
    assert "the embedding has only 310 rows" in refusal(tmp_path, capsys, folder)


def rewritten_header(data: bytes, change) -> bytes:
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    change(header)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data[8 + size :]


def shift(header):
    header[Q_PROJ]["data_offsets"] = [offset - 4 for offset in header[Q_PROJ]["data_offsets"]]


LIES = {
    "cut in the data": (lambda data: data[:-1], "truncated"),
    "cut in the header": (lambda data: data[:100], "cut off"),
    "empty": (lambda data: b"", "cut off"),
    "header length": (lambda data: b"\xff" * 8 + data[8:], "cut off"),
    "no JSON": (lambda data: data[:8] + b"\0" + data[9:], "not JSON"),
    "shape": (
        lambda data: rewritten_header(data, lambda h: h[Q_PROJ].update(shape=[32, 33])),
        "as its shape says",
    ),
    "type": (lambda data: rewritten_header(data, lambda h: h[Q_PROJ].update(dtype="F4")), "cannot be read"),
    "negative shape": (
        lambda data: rewritten_header(data, lambda h: h[Q_PROJ].update(shape=[-32, -32])),
        "cannot be",
    ),
    "overlap": (lambda data: rewritten_header(data, shift), "overlap"),
    "more bytes": (lambda data: data + b"more", "bytes that are of no tensor"),
}


@pytest.mark.parametrize(("mutate", "message"), LIES.values(), ids=LIES)
def test_safetensors_that_lie_are_refused(tmp_path, capsys, mutate, message):
    folder = gptj_folder(tmp_path / "source", CONFIG, changed())
    path = folder / "model.safetensors"
    path.write_bytes(mutate(path.read_bytes()))
    assert message in refusal(tmp_path, capsys, folder)


CALL = b"\x80\x02c%s\n%s\n(X\x01\0\0\0atR."
PICKLES = {
    "calls a function": (CALL % (b"os", b"system"), "asks for os.system"),
    "calls torch's own": (CALL % (b"torch", b"load"), "asks for torch.load"),
    "opcode of another protocol": (b"\x80\x04\x8c\x02os\x8c\x06system\x93.", "the opcode SHORT_BINUNICODE"),
    "memo index that is not there": (b"\x80\x02jA\0\0\0.", "cannot be read"),
    "key of no name": (b"\x80\x02})Ns.", "a key of type tuple"),
    "sizes of no tensor": (
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000"
        b"X\x03\0\0\0cpuK\x01tQJ\xff\xff\xff\xff))tR.",
        "sizes are no sizes",
    ),
    "cut off": (b"\x80\x02}(", "cannot be read"),
    "no dictionary": (b"\x80\x02K\x01.", "holds no dictionary"),
    "no tensor": (b"\x80\x02}X\x01\0\0\0aK\x01s.", "'a', which is no tensor"),
    "hides its items": (
        b"\x80\x02ccollections\nOrderedDict\n)RX\x01\0\0\0aK\x01s}X\x05\0\0\0itemsK\x01sb.",
        "'a', which is no tensor",
    ),
    "changes a storage type": (b"\x80\x02ctorch\nFloatStorage\n](K\x01K\x02eb.", "sets the state"),
}


@pytest.mark.parametrize(("pickled", "message"), PICKLES.values(), ids=PICKLES)
def test_pickle_that_is_no_state_dictionary_is_refused_unrun(tmp_path, capsys, pickled, message):
    folder = gptj_folder(tmp_path / "source", CONFIG)
    write_torch_pickle(folder / "pytorch_model.bin", pickled, [])
    assert message in refusal(tmp_path, capsys, folder)


def test_pickle_made_to_run_a_command_runs_nothing(tmp_path, capsys):
    class Payload:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path}/the-pickle-ran",)

    folder = gptj_folder(tmp_path / "source", CONFIG)
    write_torch_pickle(folder / "pytorch_model.bin", pickle.dumps({"a": Payload()}, protocol=2), [])
    assert "asks for posix.system" in refusal(tmp_path, capsys, folder)


def test_torch_file_with_a_short_storage_or_cut_off_is_refused(tmp_path, capsys):
    folder = gptj_folder(tmp_path / "source", CONFIG)
    path = folder / "pytorch_model.bin"
    write_torch_zip(path, changed())
    with zipfile.ZipFile(path) as archive:
        pickled = archive.read("archive/data.pkl")
        storages = [archive.read(f"archive/data/{key}") for key in range(len(changed()))]
    write_torch_pickle(path, pickled, [storage[:-4] for storage in storages])
    assert "ends past its storage" in refusal(tmp_path, capsys, folder)
    write_torch_pickle(path, pickled, storages[:-1])
    assert "missing" in refusal(tmp_path, capsys, folder)
    write_torch_pickle(path, pickled, storages)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1000])
    assert "truncated" in refusal(tmp_path, capsys, folder)
    head, entry, tail = whole.rpartition(b"archive/data/3")
    head = head[:-38] + (0x800).to_bytes(2, "little") + head[-36:]  # the flag that says a name is UTF-8
    path.write_bytes(head + entry.replace(b"a", b"\xff") + tail)
    assert "not in torch's zip format" in refusal(tmp_path, capsys, folder)


def test_torch_file_whose_byte_order_is_compressed_is_refused_undecompressed(tmp_path, capsys):
    folder = gptj_folder(tmp_path / "source", CONFIG)
    with zipfile.ZipFile(folder / "pytorch_model.bin", "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}.")
        archive.writestr("archive/byteorder", b"little", compress_type=zipfile.ZIP_DEFLATED)
    path = folder / "pytorch_model.bin"
    path.write_bytes(path.read_bytes().replace(b"byteorder\xcb", b"byteorder\xff", 1))
    assert "big-endian" in refusal(tmp_path, capsys, folder)


def test_missing_shard_or_shard_outside_the_folder_is_refused(tmp_path, capsys):
    folder = gptj_folder(tmp_path / "source", CONFIG)
    tensors = changed()
    write_shards(folder, [{Q_PROJ: tensors.pop(Q_PROJ)}, tensors], "model", "safetensors")
    index = folder / "model.safetensors.index.json"
    text = index.read_text()
    index.write_text(text.replace("model-00001-of-00002.safetensors", "../stolen.safetensors"))
    assert "no plain file name" in refusal(tmp_path, capsys, folder)
    index.write_text(text)
    (folder / "model-00001-of-00002.safetensors").unlink()
    assert "lacks the shard model-00001-of-00002.safetensors" in refusal(tmp_path, capsys, folder)


GGUF_START = b"GGUF\x03\0\0\0" + (0).to_bytes(8, "little")
GGUFS = {
    "something else": (b"PK\x03\x04" * 10, "does not begin as a GGUF"),
    "cut off": (GGUF_START + (5).to_bytes(8, "little") + b"\x04\0\0\0\0\0\0\0a", "ends past the file"),
    "endless array": (
        GGUF_START
        + (1).to_bytes(8, "little")
        + (1).to_bytes(8, "little")
        + b"a\x09\0\0\0\x05\0\0\0"
        + b"\xff" * 8,
        "ends past the file",
    ),
}


@pytest.mark.parametrize(("data", "message"), GGUFS.values(), ids=GGUFS)
def test_gguf_header_that_lies_is_refused(tmp_path, capsys, data, message):
    (tmp_path / "a.gguf").write_bytes(data)
    assert message in refusal(tmp_path, capsys, tmp_path / "a.gguf")


def test_gguf_whose_tensors_overlap_is_refused(tmp_path, capsys):
    path = write_source(tiny_source("gguf f32"), tmp_path)
    data = bytearray(path.read_bytes())
    place = data.index(b"blk.0.attn_k.weight") + len(b"blk.0.attn_k.weight") + 24
    offset = int.from_bytes(data[place : place + 8], "little")
    data[place : place + 8] = (offset - 32).to_bytes(8, "little")
    path.write_bytes(data)
    assert "attn_q.weight and blk.0.attn_k.weight overlap" in refusal(tmp_path, capsys, path)
    data[place : place + 8] = (offset - 1).to_bytes(8, "little")
    path.write_bytes(data)
    assert "not lie at a multiple of 32 bytes" in refusal(tmp_path, capsys, path)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json"])
def test_file_that_is_a_pipe_or_has_no_end_is_refused_at_once(tmp_path, capsys, name):
    folder = gptj_folder(tmp_path / "source", CONFIG, changed())
    with (folder / name).open("r+b") as file:
        file.truncate(6_000_000_000)  # which take no disk
    assert f"{name} has 6,000,000,000 bytes" in refusal(tmp_path, capsys, folder)
    (folder / name).unlink()
    os.mkfifo(folder / name)
    told = refusal(tmp_path, capsys, folder)
    assert f"{name} is no plain file" in told or "has no tokenizer" in told


def test_line_about_an_endless_name_is_short(tmp_path, capsys):
    folder = gptj_folder(tmp_path / "source", gptj_config(model_type="x" * 100_000), changed())
    assert len(refusal(tmp_path, capsys, folder)) < 1000


def test_source_that_is_nothing_is_explained(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("hello")
    assert "has no config.json" in refusal(tmp_path, capsys, tmp_path / "empty")
    assert "no GGUF file" in refusal(tmp_path, capsys, tmp_path / "notes.txt")
    assert "no file or folder" in refusal(tmp_path, capsys, tmp_path / "nowhere")
    assert "--revision main goes with a hub id" in refusal(tmp_path, capsys, TINY_GPTJ, "--revision", "main")
    assert "no chat template" in refusal(tmp_path, capsys, TINY_GPTJ, "--prompt-style", "chat")


def test_disk_that_fills_up_while_fetching_is_not_blamed_on_the_network(tmp_path, capsys, monkeypatch):
    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("huggingface_hub.HfApi.model_info", full)
    assert "No space left on device" in refusal(tmp_path, capsys, "askwell/no-such-model")


def test_hub_id_without_a_hub_is_refused_at_once(tmp_path, capsys, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "empty-cache"))
    assert "the model hub cannot be reached" in refusal(tmp_path, capsys, "askwell/no-such-model")
