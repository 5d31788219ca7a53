"""Parity with transformers and with ctranslate2's own converter, live. Needs torch: ``make test-torch``.

ASKWELL_GGUF names the default model's GGUF file; without it the tests of that file are skipped.
"""

import json
import os
from pathlib import Path

import ctranslate2
import numpy as np
import pytest
from askwell_convert.errors import ConvertError
from checkpoints import gptj_config, gptj_folder
from model_bin import read_variables
from safetensors.numpy import load_file, save_file

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("default"),  # theirs, of every kind
]

PROMPTS = [
    "<|im_start|>user\nAsk me one interview question about Python.<|im_end|>\n<|im_start|>assistant\n",
    "<|im_start|>user\nHow many legs do 12 spiders have?<|im_end|>\n<|im_start|>assistant\n",
    "A nurse who joins an intensive care unit must first",
    "def fibonacci(n):\n",
    "The three most important things in a job interview are",
]
NEW_TOKENS = 30


SMALL = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "max_position_embeddings": 256, "vocab_size": 320,
}  # fmt: skip
GROUPED = {**SMALL, "num_key_value_heads": 2}
GPT2 = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256, "vocab_size": 320}
THETA = {"rope_parameters": {"rope_type": "default", "rope_theta": 5000.0}}
OTHERS = {
    "neox": ("GPTNeoX", SMALL),
    "neox in sequence": ("GPTNeoX", {**SMALL, "use_parallel_residual": False, "hidden_act": "gelu_new"}),
    "gpt2": ("GPT2", GPT2),
    "gpt2 untied": ("GPT2", {**GPT2, "n_inner": 48, "tie_word_embeddings": False}),
    "llama": ("Llama", {**SMALL, **THETA}),
    "llama with biases": ("Llama", {**GROUPED, "attention_bias": True, "mlp_bias": True}),
    "mistral": ("Mistral", {**GROUPED, "head_dim": 16, "sliding_window": None}),
    "qwen2": ("Qwen2", {**GROUPED, **THETA, "tie_word_embeddings": True}),
}
THROUGH_STOCK = {
    "opt": ("OPT", {**SMALL, "ffn_dim": 64, "word_embed_proj_dim": 16}),
    "qwen3": ("Qwen3", {**GROUPED, "head_dim": 8}),
    "gemma": ("Gemma", {**GROUPED, "head_dim": 8}),
}
QUANTIZATIONS = ["int8_float16", "int8_float32", "int8_bfloat16", "float16", "bfloat16", "float32"]


def random_model(family, settings, dtype):
    """A random model of transformers; biases and norms are random too, so that no two variables are equal.

    It has as many rows as the tokenizer has tokens: the stock converter does not always fill a vocabulary up.
    """
    config = getattr(transformers, f"{family}Config")(
        **settings, dtype=str(dtype).removeprefix("torch."), bos_token_id=0, eos_token_id=0, pad_token_id=None
    )
    torch.manual_seed(3)
    head = "LMHeadModel" if family == "GPT2" else "ForCausalLM"
    model = getattr(transformers, family + head)(config)
    for weight in model.parameters():
        torch.nn.init.normal_(weight, 0, 0.2)
    return model.to(dtype)


def gptj_model(dtype, **changes):
    settings = gptj_config(**changes, vocab_size=320)
    return random_model(
        "GPTJ", {k: v for k, v in settings.items() if not k.endswith(("dtype", "_id"))}, dtype
    )


def saved(folder, model):
    source = gptj_folder(folder, {})
    model.save_pretrained(source)
    return source


@pytest.fixture(autouse=True)
def stock_knows_transformers_5(monkeypatch):
    """ctranslate2 4.8 asks GPT-NeoX models for two names that transformers 5 has changed."""
    share = property(lambda config: config.rope_parameters["partial_rotary_factor"])
    monkeypatch.setattr(transformers.GPTNeoXConfig, "rotary_pct", share, raising=False)
    head = property(lambda model: model.lm_head)
    monkeypatch.setattr(transformers.GPTNeoXForCausalLM, "embed_out", head, raising=False)


def stock_variables(source: Path, output: Path, quantization: str):
    from ctranslate2.converters import TransformersConverter

    TransformersConverter(str(source)).convert(str(output), quantization=quantization)
    return read_variables(output / "model.bin")


def assert_same_variables(ours, stock):
    assert ours.keys() == stock.keys()
    different = [
        name
        for name, array in ours.items()
        if (array.dtype, array.shape, array.tobytes())
        != (stock[name].dtype, stock[name].shape, stock[name].tobytes())
    ]
    assert different == []


@pytest.mark.parametrize("quantization", QUANTIZATIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_variables_are_those_of_the_stock_converter(tmp_path, run_convert, dtype, quantization):
    source = saved(tmp_path / "source", gptj_model(dtype, rotary_dim=4))
    weight_range = 127 if quantization.startswith("int8") else 0
    run_convert(source, tmp_path / "model", quantization, weight_range)
    stock = stock_variables(source, tmp_path / "stock", quantization)
    assert_same_variables(read_variables(tmp_path / "model" / "model.bin"), stock)
    ours, theirs = (json.loads((tmp_path / name / "config.json").read_text()) for name in ("model", "stock"))
    assert ours == theirs


@pytest.mark.parametrize("quantization", QUANTIZATIONS)
@pytest.mark.parametrize(
    ("family", "settings"), [*OTHERS.values(), *THROUGH_STOCK.values()], ids=[*OTHERS, *THROUGH_STOCK]
)
def test_every_architecture_has_the_variables_of_the_stock_converter(
    tmp_path, run_convert, family, settings, quantization
):
    source = saved(tmp_path / "source", random_model(family, settings, torch.float32))
    weight_range = 127 if quantization.startswith("int8") else 0
    run_convert(source, tmp_path / "model", quantization, weight_range)
    stock = stock_variables(source, tmp_path / "stock", quantization)
    assert_same_variables(read_variables(tmp_path / "model" / "model.bin"), stock)


def test_stock_converter_s_random_filling_of_missing_weights_is_refused(tmp_path, run_convert):
    family, settings = THROUGH_STOCK["opt"]
    source = saved(tmp_path / "source", random_model(family, settings, torch.float32))
    tensors = load_file(source / "model.safetensors")
    name = "model.decoder.layers.1.fc1.weight"
    del tensors[name]
    save_file(tensors, source / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ConvertError, match=rf"missing weights: .*{name}"):
        run_convert(source, tmp_path / "model")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize(("family", "settings"), OTHERS.values(), ids=OTHERS)
def test_every_architecture_reads_narrow_weights_from_a_file_of_torch(
    tmp_path, run_convert, family, settings, dtype
):
    model = random_model(family, settings, dtype)
    stock = stock_variables(saved(tmp_path / "saved", model), tmp_path / "stock", "int8_float16")
    source = gptj_folder(tmp_path / "source", json.loads(model.config.to_json_string()))
    torch.save(model.state_dict(), source / "pytorch_model.bin")
    run_convert(source, tmp_path / "model", "int8_float16", 127)
    assert_same_variables(read_variables(tmp_path / "model" / "model.bin"), stock)


@pytest.mark.parametrize(("family", "settings"), OTHERS.values(), ids=OTHERS)
def test_every_architecture_computes_the_logits_of_transformers(
    tmp_path, run_convert, compute_logits, family, settings
):
    model = random_model(family, settings, torch.float32).eval()
    run_convert(saved(tmp_path / "source", model), tmp_path / "model")
    ids = list(range(3, 120, 2))
    with torch.no_grad():
        expected = model(torch.tensor([ids])).logits[0].numpy()
    np.testing.assert_allclose(compute_logits(tmp_path / "model", ids), expected, atol=1e-4, rtol=1e-4)


def test_file_saved_by_torch_converts_as_the_stock_converter_reads_it(tmp_path, run_convert):
    model = gptj_model(torch.float32, rotary_dim=8)
    state = model.state_dict()
    for layer in range(2):  # as GPT-J-6B's official file has them
        state[f"transformer.h.{layer}.attn.bias"] = torch.tril(torch.ones(1, 1, 256, 256, dtype=torch.bool))
        state[f"transformer.h.{layer}.attn.masked_bias"] = torch.tensor(-1e9)
    source = gptj_folder(tmp_path / "source", json.loads(model.config.to_json_string()))
    torch.save(state, source / "pytorch_model.bin")
    run_convert(source, tmp_path / "model", "int8_float16", 127)
    plain = gptj_folder(tmp_path / "plain", {})
    model.save_pretrained(plain)
    stock = stock_variables(plain, tmp_path / "stock", "int8_float16")
    assert_same_variables(read_variables(tmp_path / "model" / "model.bin"), stock)


@pytest.mark.parametrize("rotary_dim", [2, 4, 8])
def test_float32_logits_are_those_of_transformers(tmp_path, run_convert, compute_logits, rotary_dim):
    model = gptj_model(torch.float32, rotary_dim=rotary_dim).eval()
    source = gptj_folder(tmp_path / "source", {})
    model.save_pretrained(source)
    run_convert(source, tmp_path / "model")
    ids = list(range(3, 120, 2))
    with torch.no_grad():
        expected = model(torch.tensor([ids])).logits[0].numpy()
    np.testing.assert_allclose(compute_logits(tmp_path / "model", ids), expected, atol=1e-4, rtol=0)


@pytest.fixture(scope="module")
def gguf_path() -> Path:
    if not (path := os.environ.get("ASKWELL_GGUF")):
        pytest.skip("ASKWELL_GGUF is not set")
    return Path(path)


def test_default_model_continues_as_transformers_does(tmp_path, run_convert, gguf_path):
    torch.set_num_threads(1)  # its threads and ctranslate2's would wait for each other on two cores
    name = {"pretrained_model_name_or_path": str(gguf_path.parent), "gguf_file": gguf_path.name}
    model = transformers.AutoModelForCausalLM.from_pretrained(**name, dtype=torch.float32).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(**name)
    run_convert(gguf_path, tmp_path / "model")
    vocabulary = json.loads((tmp_path / "model" / "vocabulary.json").read_text())
    generator = ctranslate2.Generator(
        str(tmp_path / "model"), device="cpu", compute_type="float32", intra_threads=1
    )
    for prompt in PROMPTS:
        ids = tokenizer.encode(prompt, add_special_tokens=False)
        with torch.no_grad():
            expected = model.generate(
                torch.tensor([ids]), do_sample=False, max_new_tokens=NEW_TOKENS, pad_token_id=0
            )
        [result] = generator.generate_batch(
            [[vocabulary[i] for i in ids]],
            max_length=NEW_TOKENS,
            sampling_topk=1,
            include_prompt_in_result=False,
            end_token=[model.generation_config.eos_token_id],
            return_end_token=True,
        )
        assert result.sequences_ids[0] == expected[0, len(ids) :].tolist()
    del generator
