"""Parity with transformers and with ctranslate2's own converter, live. Needs torch: ``make test-torch``.

ASKWELL_GGUF names the default model's GGUF file; without it the tests of that file are skipped.
"""

import json
import os
from pathlib import Path

import ctranslate2
import numpy as np
import pytest
from checkpoints import gptj_config, gptj_folder
from model_bin import read_variables

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


def gptj_model(dtype, **changes):
    """A random GPT-J of transformers; biases are random too, so that no two variables are equal.

    It has as many rows as the tokenizer has tokens: the stock converter fills no vocabulary up.
    """
    changes |= {"dtype": str(dtype).removeprefix("torch."), "vocab_size": 320}
    config = transformers.GPTJConfig(**gptj_config(**changes))
    torch.manual_seed(3)
    model = transformers.GPTJForCausalLM(config)
    for weight in model.parameters():
        torch.nn.init.normal_(weight, 0, 0.2)
    return model.to(dtype)


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


@pytest.mark.parametrize("quantization", ["int8_float16", "int8_float32", "float16", "float32"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_variables_are_those_of_the_stock_converter(tmp_path, run_convert, dtype, quantization):
    source = gptj_folder(tmp_path / "source", {})
    gptj_model(dtype, rotary_dim=4).save_pretrained(source)
    weight_range = 127 if quantization.startswith("int8") else 0
    run_convert(source, tmp_path / "model", quantization, weight_range)
    stock = stock_variables(source, tmp_path / "stock", quantization)
    assert_same_variables(read_variables(tmp_path / "model" / "model.bin"), stock)
    ours, theirs = (json.loads((tmp_path / name / "config.json").read_text()) for name in ("model", "stock"))
    assert ours == theirs


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
