import json

import numpy as np
import pytest
from askwell_convert.quantize import quantize_rows
from checkpoints import TINY_GPTJ, TINY_GPTJ_REFERENCE, gptj_config, gptj_folder, random_gptj
from gptj_oracle import GptjShape, gptj_logits
from model_bin import read_variables
from safetensors.numpy import load_file

ROTARY_DIMS = (2, 4, 8)


@pytest.fixture(scope="module")
def reference():
    return dict(np.load(TINY_GPTJ_REFERENCE))


@pytest.mark.parametrize("rotary_dim", ROTARY_DIMS)
def test_oracle_computes_the_logits_of_transformers(reference, rotary_dim):
    tensors = {
        name: tensor.astype(np.float32) for name, tensor in load_file(TINY_GPTJ / "model.safetensors").items()
    }
    logits = gptj_logits(GptjShape(layers=2, heads=4, rotary_dim=rotary_dim), tensors, reference["ids"])
    np.testing.assert_allclose(logits, reference[f"rotary_{rotary_dim}"], atol=1e-4, rtol=0)


@pytest.mark.parametrize("rotary_dim", ROTARY_DIMS)
def test_converted_model_computes_the_logits_of_transformers(
    tmp_path, run_convert, compute_logits, reference, rotary_dim
):
    source = gptj_folder(
        tmp_path / "source", gptj_config(rotary_dim=rotary_dim), load_file(TINY_GPTJ / "model.safetensors")
    )
    run_convert(source, tmp_path / "model")
    logits = compute_logits(tmp_path / "model", reference["ids"])
    np.testing.assert_allclose(logits, reference[f"rotary_{rotary_dim}"], atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("changes", "epsilon"),
    [
        ({"n_embd": 48, "n_head": 3, "rotary_dim": 16, "n_layer": 1}, 1e-5),
        ({"n_embd": 40, "n_head": 5, "rotary_dim": 4, "n_layer": 3, "n_inner": 72}, 1e-5),
        ({"n_embd": 64, "n_head": 2, "rotary_dim": 8, "n_layer": 1, "layer_norm_epsilon": 1e-2}, 1e-2),
    ],
)
def test_other_shapes_compute_what_the_oracle_computes(
    tmp_path, run_convert, compute_logits, changes, epsilon
):
    config = gptj_config(**changes)
    tensors = random_gptj(config)
    run_convert(gptj_folder(tmp_path / "source", config, tensors), tmp_path / "model")
    ids = [5, 300, 17, 42, 42, 99, 1, 320]
    shape = GptjShape(config["n_layer"], config["n_head"], config["rotary_dim"], epsilon)
    expected = gptj_logits(shape, tensors, ids)
    np.testing.assert_allclose(compute_logits(tmp_path / "model", ids), expected, atol=1e-4, rtol=1e-4)


def test_tied_embedding_is_stored_once_and_projects(tmp_path, run_convert, compute_logits):
    config = gptj_config(tie_word_embeddings=True)
    tensors = random_gptj(config)
    untied = gptj_folder(tmp_path / "untied", gptj_config(), tensors)
    del tensors["lm_head.weight"]
    run_convert(gptj_folder(tmp_path / "source", config, tensors), tmp_path / "model")
    run_convert(untied, tmp_path / "untied-model")
    tensors["lm_head.weight"] = tensors["transformer.wte.weight"]
    expected = gptj_logits(GptjShape(2, 4, 4), tensors, [3, 1, 4, 1, 5])
    np.testing.assert_allclose(
        compute_logits(tmp_path / "model", [3, 1, 4, 1, 5]), expected, atol=1e-4, rtol=1e-4
    )
    sizes = [(tmp_path / name / "model.bin").stat().st_size for name in ("untied-model", "model")]
    assert sizes[0] - sizes[1] > tensors["transformer.wte.weight"].nbytes - 100


@pytest.mark.parametrize("weight_range", [63, 127])
def test_int8_weights_are_the_rows_over_their_largest_value(tmp_path, run_convert, weight_range):
    run_convert(TINY_GPTJ, tmp_path / "model", "int8_float16", weight_range)
    variables = read_variables(tmp_path / "model" / "model.bin")
    weights, scales = (
        variables["decoder/layer_0/ffn/linear_0/" + name] for name in ("weight", "weight_scale")
    )
    rows = load_file(TINY_GPTJ / "model.safetensors")["transformer.h.0.mlp.fc_in.weight"].astype(np.float32)
    assert weights.dtype == np.int8
    assert variables["decoder/layer_norm/gamma"].dtype == np.float16
    assert np.abs(weights).max(axis=1).tolist() == [weight_range] * len(rows)
    assert np.abs(weights - rows * scales[:, None]).max() < 0.5001


def test_full_range_is_quantized_exactly_as_ctranslate2_does():
    from ctranslate2.specs.common_spec import LinearSpec

    rows = np.random.default_rng(1).normal(size=(64, 48)).astype(np.float32)
    rows[3] = 0
    rows[4] = np.float32(1e-40)  # subnormal: the scale would overflow
    spec = LinearSpec()
    spec.weight = rows.copy()
    spec.validate()
    spec.optimize("int8")
    weights, scales = np.empty(rows.shape, np.int8), np.empty(len(rows), np.float32)
    quantize_rows(rows, 127, weights, scales, np.empty_like(rows))
    assert weights.tobytes() == spec.weight.to_bytes()
    assert scales.tobytes() == spec.weight_scale.to_bytes()


def test_folder_says_what_the_server_needs_to_know(tmp_path, run_convert):
    manifest = run_convert(TINY_GPTJ, tmp_path / "model", "int8_float16", 63).manifest
    assert (manifest.name, manifest.architecture, manifest.positions) == ("tiny-gptj", "gptj", 256)
    assert (manifest.prompt_style, manifest.end_tokens, manifest.add_bos) == (
        "base",
        ("<|endoftext|>",),
        False,
    )
    assert (manifest.quantization, manifest.weight_range) == ("int8_float16", 63)
    vocabulary = json.loads((tmp_path / "model" / "vocabulary.json").read_text())
    assert len(vocabulary) == len(set(vocabulary)) == manifest.vocabulary_size == 336
    assert vocabulary[320] == "<|extratoken_1|>"
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert {config[f"{role}_token"] for role in ("bos", "eos", "unk")} == {"<|endoftext|>"}
