"""Hugging Face folders of every architecture that is mapped here, without torch."""

import json
import shutil
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from askwell_bench.mutants.raw import write_torch_pickle
from askwell_convert.convert import open_source
from askwell_convert.errors import ConvertError
from askwell_convert.hub import needed_files
from checkpoints import TINY_GPTJ, gptj_config, gptj_folder, random_gptj
from model_bin import read_variables

WIDTH, INNER, HEADS, ROWS = 32, 64, 4, 320
LLAMA = {
    "model_type": "llama", "vocab_size": ROWS, "hidden_size": WIDTH, "intermediate_size": INNER,
    "num_hidden_layers": 1, "num_attention_heads": HEADS, "num_key_value_heads": 2,
    "max_position_embeddings": 128, "rms_norm_eps": 1e-5, "tie_word_embeddings": True,
}  # fmt: skip
GPT2 = {
    "model_type": "gpt2",
    "vocab_size": ROWS,
    "n_embd": WIDTH,
    "n_layer": 1,
    "n_head": HEADS,
    "n_positions": 64,
}
NEOX = {
    "model_type": "gpt_neox", "vocab_size": ROWS, "hidden_size": WIDTH, "intermediate_size": INNER,
    "num_hidden_layers": 1, "num_attention_heads": HEADS, "max_position_embeddings": 128, "rotary_pct": 0.5,
}  # fmt: skip


def random_tensors(shapes):
    random = np.random.default_rng(0)
    return {name: random.normal(0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}


def linear(name, rows, columns):
    return {f"{name}.weight": (rows, columns), f"{name}.bias": (rows,)}


def norm(name):
    return {f"{name}.weight": (WIDTH,), f"{name}.bias": (WIDTH,)}


def test_rows_of_gpt2_are_the_columns_of_its_tensors(tmp_path, run_convert):
    shapes = {"wte.weight": (ROWS, WIDTH), "wpe.weight": (64, WIDTH), **norm("ln_f")}
    shapes |= {**norm("h.0.ln_1"), **norm("h.0.ln_2"), "h.0.attn.bias": (1, 1, 64, 64)}
    for name, rows, columns in (
        ("attn.c_attn", 3 * WIDTH, WIDTH),
        ("attn.c_proj", WIDTH, WIDTH),
        ("mlp.c_fc", 4 * WIDTH, WIDTH),
        ("mlp.c_proj", WIDTH, 4 * WIDTH),
    ):
        shapes |= {f"h.0.{name}.weight": (columns, rows), f"h.0.{name}.bias": (rows,)}
    tensors = random_tensors(shapes)  # OpenAI's own names, with no "transformer." before them
    run_convert(gptj_folder(tmp_path / "source", GPT2, tensors), tmp_path / "model")
    variables = read_variables(tmp_path / "model" / "model.bin")
    for to, source in (("self_attention/linear_0", "attn.c_attn"), ("ffn/linear_1", "mlp.c_proj")):
        expected = tensors[f"h.0.{source}.weight"].T
        np.testing.assert_array_equal(variables[f"decoder/layer_0/{to}/weight"], expected)
    np.testing.assert_array_equal(variables["decoder/projection/weight"], tensors["wte.weight"])


def test_rows_of_neox_are_regrouped_from_heads_to_kinds(tmp_path, run_convert):
    at = "gpt_neox.layers.0."
    shapes = {"gpt_neox.embed_in.weight": (ROWS, WIDTH), "embed_out.weight": (ROWS, WIDTH)}
    shapes |= {**norm("gpt_neox.final_layer_norm"), **norm(at + "input_layernorm")}
    shapes |= {**norm(at + "post_attention_layernorm"), at + "attention.rotary_emb.inv_freq": (2,)}
    shapes |= linear(at + "attention.query_key_value", 3 * WIDTH, WIDTH)
    shapes |= linear(at + "attention.dense", WIDTH, WIDTH)
    shapes |= {
        **linear(at + "mlp.dense_h_to_4h", INNER, WIDTH),
        **linear(at + "mlp.dense_4h_to_h", WIDTH, INNER),
    }
    tensors = random_tensors(shapes)
    run_convert(gptj_folder(tmp_path / "source", NEOX, tensors), tmp_path / "model")
    variables = read_variables(tmp_path / "model" / "model.bin")
    for kind, columns in (("weight", (WIDTH,)), ("bias", ())):
        stored = tensors[f"{at}attention.query_key_value.{kind}"].reshape(HEADS, 3, WIDTH // HEADS, *columns)
        expected = stored.swapaxes(0, 1).reshape(3 * WIDTH, *columns)
        found = variables[f"decoder/layer_0/self_attention/linear_0/{kind}"]
        np.testing.assert_array_equal(found, expected)
    assert variables["decoder/layer_0/self_attention/rotary_dim"] == 4


VARIANTS = {
    "rope scaling": ({**LLAMA, "rope_scaling": {"type": "linear", "factor": 2.0}}, "rope scaling .*'linear'"),
    "rope scaling, newly said": ({**LLAMA, "rope_parameters": {"rope_type": "llama3"}}, "scaling .*'llama3'"),
    "rope scaling, no object": ({**LLAMA, "rope_scaling": "linear"}, "which is no object"),
    "window of Mistral": ({**LLAMA, "model_type": "mistral", "sliding_window": 64}, "sliding_window=64"),
    "window of Qwen2": (
        {**LLAMA, "model_type": "qwen2", "sliding_window": 64, "use_sliding_window": True},
        "sliding_window=64",
    ),
    "part of a head": ({**LLAMA, "partial_rotary_factor": 0.5}, "partial_rotary_factor=0.5"),
    "activation of Llama": ({**LLAMA, "hidden_act": "gelu"}, "hidden_act='gelu'"),
    "uneven heads": ({**LLAMA, "num_key_value_heads": 3}, "3 key-value heads"),
    "odd rotary share": ({**NEOX, "rotary_pct": 0.2}, "rotates 1 of the 8 rows"),
    "scaled by layer": ({**GPT2, "scale_attn_by_inverse_layer_idx": True}, "only False is known"),
    "quantized before": ({**LLAMA, "quantization_config": {"quant_method": "awq"}}, "quantized already"),
    "through torch": ({"model_type": "bloom"}, r"pip install 'askwell\[torch\]'"),
}


@pytest.mark.parametrize(("config", "message"), VARIANTS.values(), ids=VARIANTS)
def test_variant_that_would_compute_something_else_is_refused_by_name(tmp_path, monkeypatch, config, message):
    monkeypatch.setitem(sys.modules, "torch", None)
    folder = gptj_folder(tmp_path / "source", config, random_gptj(gptj_config()))
    with pytest.raises(ConvertError, match=message):
        open_source(str(folder), None)


def test_weights_for_the_stock_converter_are_checked_before_it_reads_them(tmp_path):
    folder = gptj_folder(tmp_path / "source", {"model_type": "bloom"})
    write_torch_pickle(folder / "pytorch_model.bin", b"\x80\x02cos\nsystem\n(X\x01\0\0\0atR.", [])
    with pytest.raises(ConvertError, match=r"asks for os\.system"):
        open_source(str(folder), None)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_link_out_of_the_folder_is_refused(tmp_path, name):
    folder = shutil.copytree(TINY_GPTJ, tmp_path / "source")
    (folder / name).rename(tmp_path / name)
    (folder / name).symlink_to(tmp_path / name)
    with pytest.raises(ConvertError, match="is a link out of its folder"):
        open_source(str(folder), None)


def test_links_of_the_hub_s_cache_are_followed_to_its_blobs_alone(tmp_path, run_convert):
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshots" / "0123abcd"
    shutil.copytree(TINY_GPTJ, blobs)
    snapshot.mkdir(parents=True)
    for path in blobs.iterdir():
        (snapshot / path.name).symlink_to(f"../../blobs/{path.name}")
    assert run_convert(snapshot, tmp_path / "model").manifest.architecture == "gptj"
    (tmp_path / "elsewhere").write_bytes((blobs / "config.json").read_bytes())
    (snapshot / "config.json").unlink()
    (snapshot / "config.json").symlink_to("../../elsewhere")
    with pytest.raises(ConvertError, match=r"config\.json is a link out of its folder"):
        open_source(str(snapshot), None)


def test_weights_of_a_model_that_is_not_known_are_not_fetched(tmp_path, monkeypatch):
    fetched = []

    def download(hub_id, *, revision, allow_patterns):
        assert revision == "main"  # and not the commit: offline, the cache knows only what it was asked for
        fetched.extend(allow_patterns)
        (tmp_path / "config.json").write_text('{"model_type": "mamba"}')
        return str(tmp_path)

    names = ("config.json", "tokenizer.json", "model.safetensors", "README.md")
    info = SimpleNamespace(sha="0123abcd", siblings=[SimpleNamespace(rfilename=name) for name in names])
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", lambda *arguments, **options: info)
    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    with pytest.raises(ConvertError, match="someone/model holds a 'mamba' model"):
        open_source("someone/model", "main")
    assert fetched == ["config.json", "tokenizer.json"]


def test_of_a_repository_only_what_the_conversion_reads_is_fetched():
    small = ["config.json", "tokenizer.json", "tokenizer.model"]
    others = ["README.md", "flax_model.msgpack", "tf_model.h5", "onnx/model.onnx", "training_args.bin"]
    torch_shards = ["pytorch_model-00001-of-00002.bin", "pytorch_model.bin.index.json"]
    assert needed_files([*others, *small, *torch_shards, "model.safetensors"]) == sorted(
        [*small, "model.safetensors"]
    )
    assert needed_files([*others, *small, *torch_shards]) == sorted([*small, *torch_shards])
    assert needed_files([*others, *small]) == []


def test_fetched_model_is_found_again_offline_and_half_of_one_is_not(tmp_path, monkeypatch):
    from huggingface_hub import constants

    commit = "0123456789abcdef0123456789abcdef01234567"
    home = tmp_path / "models--someone--tiny"
    snapshot = shutil.copytree(TINY_GPTJ, home / "snapshots" / commit)
    names = [*(path.name for path in snapshot.iterdir()), "README.md", "pytorch_model.bin"]
    listing = {name: {"size": 1, "blob_id": "0" * 40} for name in names}
    for path, text in (
        (home / "refs" / "main", commit),
        (home / "trees" / f"{commit}.json", json.dumps({"format_version": 1, "files": listing})),
    ):
        path.parent.mkdir()
        path.write_text(text)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    source = open_source("someone/tiny", None)
    source.checkpoint.close()
    assert (source.label, source.revision) == ("someone/tiny", commit)
    (snapshot / "model.safetensors").unlink()
    with pytest.raises(ConvertError, match="go online, which resumes what was fetched"):
        open_source("someone/tiny", None)
