"""Adapters that cannot be merged: each is refused in words that name what it has, and nothing is written."""

import dataclasses
from contextlib import closing

import numpy as np
import pytest
from askwell_convert.adapter import adapted
from askwell_convert.convert import open_source
from askwell_convert.errors import ConvertError
from askwell_convert.stock import TorchCheckpoint
from checkpoints import gptj_config, gptj_folder, random_gptj
from lora_files import (
    A_OF_FC_IN,
    CONFIG,
    FC_IN,
    MODULES,
    RANK,
    SHAPES,
    WIDTH,
    named,
    random_pairs,
    write_adapter,
)
from safetensors.numpy import save_file


@pytest.fixture
def gptj(tmp_path):
    return gptj_folder(tmp_path / "source", CONFIG, random_gptj(CONFIG))


REFUSED_CONFIGS = {
    "DoRA": ({"use_dora": True}, "use_dora=True"),
    "bias": ({"bias": "lora_only"}, "bias='lora_only'"),
    "lora bias": ({"lora_bias": True}, "lora_bias=True"),
    "saved modules": ({"modules_to_save": ["lm_head"]}, "modules_to_save="),
    "tokens": ({"trainable_token_indices": [1, 2]}, "trainable_token_indices="),
    "what a later PEFT adds": ({"use_quux": {"a": 1}}, "use_quux={'a': 1}"),
    "PiSSA": ({"init_lora_weights": "pissa_niter_4"}, "init_lora_weights='pissa_niter_4'"),
    "another method": ({"peft_type": "ADALORA"}, "type 'ADALORA'"),
    "no rank": ({"r": None}, "lacks r"),
    "rank of zero": ({"r": 0}, "r=0"),
    "rank in words": ({"rank_pattern": {"fc_in": "8"}}, "fc_in='8'"),
    "other rank": ({"r": 8}, r"lora_A\.weight has shape \[4, "),
    "pattern that takes forever": ({"alpha_pattern": {"(a+)+": 8}}, "more than this converter follows"),
    "broken pattern": ({"alpha_pattern": {"[a": 8}}, "more than this converter follows"),
    "untold module": ({"target_modules": ["q_proj", "fc_in"]}, "fc_out, which its target_modules do not"),
    "lost module": ({"target_modules": ["k_proj", *(n.rpartition(".")[2] for n in SHAPES)]}, "k_proj, which"),
}


@pytest.mark.parametrize(("config", "reason"), REFUSED_CONFIGS.values(), ids=REFUSED_CONFIGS)
def test_config_that_is_no_plain_lora_is_refused_by_name(tmp_path, gptj, config, reason):
    folder = write_adapter(tmp_path / "adapter", named(random_pairs(MODULES)), **config)
    source = open_source(str(gptj), None)
    with closing(source.checkpoint), pytest.raises(ConvertError, match=reason):
        adapted(source, folder)


ZEROS = np.zeros((RANK, WIDTH), np.float32)
REFUSED_TENSORS = {
    "embedding": ({"base_model.model.transformer.wte.lora_embedding_A": ZEROS}, "an adapted embedding"),
    "magnitudes": ({f"base_model.model.{FC_IN}.lora_magnitude_vector": ZEROS}, "DoRA"),
    "whole module": ({"base_model.model.lm_head.modules_to_save.weight": ZEROS}, "a whole module"),
    "base weight": ({"base_model.model.lm_head.base_layer.weight": ZEROS}, "a weight of the base model"),
    "bias": ({f"base_model.model.{FC_IN}.bias": ZEROS}, "a bias"),
    "unknown": ({"base_model.model.quux": ZEROS}, "quux, which is not known here"),
    "half a pair": ({"base_model.model.transformer.h.0.attn.k_proj.lora_A.weight": ZEROS}, "only one of"),
    "other model": (
        named(random_pairs({"model.layers.0.self_attn.q_proj": (WIDTH, WIDTH)})),
        "changes model.layers.0.self_attn.q_proj, which the gptj model source lacks",
    ),
    "other layer": (named(random_pairs({"transformer.h.2.mlp.fc_in": (4 * WIDTH, WIDTH)})), "h.2.mlp.fc_in"),
    "other width": ({A_OF_FC_IN: np.zeros((RANK, WIDTH + 1), np.float32)}, r"\[4, 33\].* want \[4, 32\]"),
    "other type": ({A_OF_FC_IN: np.zeros((RANK, WIDTH), np.int32)}, "stored as I32"),
}


@pytest.mark.parametrize(("tensors", "reason"), REFUSED_TENSORS.values(), ids=REFUSED_TENSORS)
def test_tensors_that_cannot_be_merged_are_refused_by_name(tmp_path, gptj, tensors, reason):
    folder = write_adapter(tmp_path / "adapter", named(random_pairs(MODULES)) | tensors)
    source = open_source(str(gptj), None)
    with closing(source.checkpoint), pytest.raises(ConvertError, match=reason):
        adapted(source, folder)


def test_projection_that_is_the_embedding_is_not_adapted(tmp_path):
    tensors = random_gptj(CONFIG)
    del tensors["lm_head.weight"]
    folder = gptj_folder(tmp_path / "tied", gptj_config(tie_word_embeddings=True), tensors)
    pairs = random_pairs({"lm_head": (CONFIG["vocab_size"], WIDTH)})
    source = open_source(str(folder), None)
    with (
        closing(source.checkpoint),
        pytest.raises(ConvertError, match="lm_head, which in tied is the embedding"),
    ):
        adapted(source, write_adapter(tmp_path / "adapter", named(pairs)))


def test_source_that_ctranslate2_reads_takes_no_adapter(tmp_path, gptj):
    source = open_source(str(gptj), None)
    source.checkpoint.close()
    folder = write_adapter(tmp_path / "adapter", named(random_pairs(MODULES)))
    with pytest.raises(ConvertError, match="knows no adapters; merge it with PEFT"):
        adapted(dataclasses.replace(source, checkpoint=TorchCheckpoint({})), folder)


def test_adapter_that_is_not_finite_is_named_and_leaves_nothing(tmp_path, gptj, run_convert):
    tensors = named(random_pairs(MODULES))
    tensors[A_OF_FC_IN][2, 3] = np.nan
    adapter = write_adapter(tmp_path / "adapter", tensors)
    with pytest.raises(ConvertError, match=r"adapter's tensor .*h\.1\.mlp\.fc_in\.lora_A\.weight holds NaN"):
        run_convert(gptj, tmp_path / "model", adapter=adapter)
    assert not (tmp_path / "model").exists()


def test_sum_too_large_for_the_source_is_refused(tmp_path, gptj, run_convert):
    weights = {name: tensor.astype(np.float16) for name, tensor in random_gptj(CONFIG).items()}
    save_file(weights, gptj / "model.safetensors")
    tensors = {name: tensor * np.float32(400) for name, tensor in named(random_pairs(MODULES)).items()}
    adapter = write_adapter(tmp_path / "adapter", tensors)
    with pytest.raises(ConvertError, match="holds NaN, an infinity or a value too large"):
        run_convert(gptj, tmp_path / "model", "int8_float16", 63, adapter=adapter)


@pytest.mark.parametrize(
    ("lost", "reason"),
    [
        ("adapter_config.json", "is it the folder of a PEFT adapter"),
        ("adapter_model.safetensors", "no weights"),
    ],
)
def test_folder_that_lacks_a_file_is_refused(tmp_path, gptj, lost, reason):
    folder = write_adapter(tmp_path / "adapter", named(random_pairs(MODULES)))
    (folder / lost).unlink()
    source = open_source(str(gptj), None)
    with closing(source.checkpoint), pytest.raises(ConvertError, match=reason):
        adapted(source, folder)


@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors"])
def test_link_out_of_the_adapters_folder_is_refused(tmp_path, gptj, name):
    folder = write_adapter(tmp_path / "adapter", named(random_pairs(MODULES)))
    (folder / name).rename(tmp_path / name)
    (folder / name).symlink_to(tmp_path / name)
    source = open_source(str(gptj), None)
    with closing(source.checkpoint), pytest.raises(ConvertError, match=f"{name} is a link out of its folder"):
        adapted(source, folder)
