"""Adapters merged while streaming, against PEFT's ``merge_and_unload``, live: ``make test-torch``.

ASKWELL_GGUF names the default model's GGUF file; without it the test of that file is skipped.
"""

import os
from pathlib import Path

import numpy as np
import pytest
from checkpoints import gptj_config, gptj_folder
from model_bin import read_variables

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
peft = pytest.importorskip("peft")

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("default"),  # theirs, of every kind
]

MOST_DIFFERENT = 0.001  # of the int8 values; PEFT's matrix product sums in another order than numpy's
LLAMA = {
    "vocab_size": 320,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "tie_word_embeddings": False,
}
FAMILIES = {
    "gptj": (
        lambda: transformers.GPTJForCausalLM(
            transformers.GPTJConfig(**gptj_config(vocab_size=320, n_embd=64, rotary_dim=8))
        ),
        ["q_proj", "k_proj", "v_proj", "out_proj", "fc_in", "fc_out"],
    ),
    "llama": (
        lambda: transformers.LlamaForCausalLM(transformers.LlamaConfig(**LLAMA)),
        ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
    ),
    "qwen2": (
        lambda: transformers.Qwen2ForCausalLM(transformers.Qwen2Config(**LLAMA)),
        ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
    ),
    "gpt2": (
        lambda: transformers.GPT2LMHeadModel(
            transformers.GPT2Config(vocab_size=320, n_embd=64, n_layer=2, n_head=4, n_positions=128)
        ),
        ["c_attn", "c_proj", "c_fc"],
    ),
    "gpt_neox": (
        lambda: transformers.GPTNeoXForCausalLM(
            transformers.GPTNeoXConfig(
                vocab_size=320,
                hidden_size=64,
                intermediate_size=96,
                num_hidden_layers=2,
                num_attention_heads=4,
                max_position_embeddings=128,
            )
        ),
        ["query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"],
    ),
}


def base_and_adapter(folder: Path, family: str, dtype, **config) -> tuple[Path, Path]:
    """A random model and a random adapter of it, saved in ``folder``."""
    build, targets = FAMILIES[family]
    torch.manual_seed(5)
    model = build()
    for weight in model.parameters():
        torch.nn.init.normal_(weight, 0, 0.2)
    base = gptj_folder(folder / "base", {})
    model.to(dtype).save_pretrained(base)
    config = {"r": 8, "lora_alpha": 12, "target_modules": targets} | config
    adapted = peft.get_peft_model(model, peft.LoraConfig(init_lora_weights=False, **config))
    adapted.save_pretrained(folder / "adapter")
    return base, folder / "adapter"


def merged_by_peft(folder: Path, base: Path, adapter: Path) -> Path:
    model = transformers.AutoModelForCausalLM.from_pretrained(base, dtype="auto")
    merged = peft.PeftModel.from_pretrained(model, adapter).merge_and_unload()
    merged.save_pretrained(gptj_folder(folder / "merged", {}))
    return folder / "merged"


def assert_nearly_the_same(ours, theirs, unadapted):
    assert ours.keys() == theirs.keys()
    integers = [name for name, array in ours.items() if array.dtype == np.int8 and array.ndim == 2]
    steps = np.concatenate(
        [np.abs(ours[name].astype(np.int16) - theirs[name].astype(np.int16)).ravel() for name in integers]
    )
    assert steps.max() <= 1
    assert (steps > 0).mean() <= MOST_DIFFERENT
    changed = [name for name in integers if np.mean(ours[name] != unadapted[name]) > 0.5]
    assert len(changed) == len([name for name in integers if "layer_" in name])
    for name, array in ours.items():
        if array.dtype != np.int8:
            np.testing.assert_allclose(array, theirs[name], rtol=2e-3, err_msg=name)


def check(folder: Path, run_convert, base: Path, adapter: Path):
    merged = merged_by_peft(folder, base, adapter)
    run_convert(base, folder / "ours", "int8_float16", 127, adapter=adapter)
    run_convert(merged, folder / "theirs", "int8_float16", 127)
    run_convert(base, folder / "unadapted", "int8_float16", 127)
    assert_nearly_the_same(
        *(read_variables(folder / name / "model.bin") for name in ("ours", "theirs", "unadapted"))
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("family", FAMILIES)
def test_conversion_is_that_of_what_peft_merges(tmp_path, run_convert, family, dtype):
    check(tmp_path, run_convert, *base_and_adapter(tmp_path, family, dtype))


@pytest.mark.parametrize(
    "config",
    [
        {"use_rslora": True},
        {"rank_pattern": {"q_proj": 3, "layers.1.mlp.up_proj": 5}, "alpha_pattern": {"v_proj": 40}},
        {"target_modules": "all-linear"},
        {"target_modules": r".*(self_attn|mlp)\..*_proj", "bias": "none", "lora_dropout": 0.1},
    ],
    ids=lambda config: next(iter(config)),
)
def test_settings_mean_what_they_mean_to_peft(tmp_path, run_convert, config):
    check(tmp_path, run_convert, *base_and_adapter(tmp_path, "llama", torch.float16, **config))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_adapter_stored_in_half_precision_is_merged_in_float32(tmp_path, run_convert, dtype):
    base, adapter = base_and_adapter(tmp_path, "gptj", torch.float16)
    path = adapter / "adapter_model.safetensors"
    from safetensors.torch import load_file, save_file

    save_file({name: tensor.to(dtype) for name, tensor in load_file(path).items()}, path)
    check(tmp_path, run_convert, base, adapter)


def test_file_saved_by_torch_is_merged(tmp_path, run_convert):
    base, adapter = base_and_adapter(tmp_path, "gptj", torch.bfloat16)
    model = transformers.AutoModelForCausalLM.from_pretrained(base, dtype="auto")
    peft.PeftModel.from_pretrained(model, adapter).save_pretrained(adapter, safe_serialization=False)
    (adapter / "adapter_model.safetensors").unlink()
    assert (adapter / "adapter_model.bin").is_file()
    check(tmp_path, run_convert, base, adapter)


def test_gguf_file_is_merged_as_its_weights_are_by_peft(tmp_path, run_convert):
    if not (path := os.environ.get("ASKWELL_GGUF")):
        pytest.skip("ASKWELL_GGUF is not set")
    gguf = Path(path)
    name = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name}
    model = transformers.AutoModelForCausalLM.from_pretrained(**name, dtype=torch.float32)
    torch.manual_seed(5)
    config = peft.LoraConfig(r=8, target_modules=FAMILIES["llama"][1], init_lora_weights=False)
    adapted = peft.get_peft_model(model, config)
    adapted.save_pretrained(tmp_path / "adapter")
    merged = adapted.merge_and_unload()
    values = merged.config.to_dict()
    del values["quantization_config"]  # transformers refuses to save what it read from a GGUF file
    plain = transformers.LlamaForCausalLM(transformers.LlamaConfig(**values))
    plain.load_state_dict(merged.state_dict())
    plain.save_pretrained(tmp_path / "merged")
    transformers.AutoTokenizer.from_pretrained(**name).save_pretrained(tmp_path / "merged")
    run_convert(gguf, tmp_path / "ours", "int8_float16", 127, adapter=tmp_path / "adapter")
    run_convert(tmp_path / "merged", tmp_path / "theirs", "int8_float16", 127)
    run_convert(gguf, tmp_path / "unadapted", "int8_float16", 127)
    assert_nearly_the_same(
        *(read_variables(tmp_path / name / "model.bin") for name in ("ours", "theirs", "unadapted"))
    )
