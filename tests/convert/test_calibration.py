"""Calibration: the turned model is the model, and int8 fitted to inputs is nearer to it than plain int8."""

import re

import numpy as np
import pytest
from askwell_convert.calibration.activation_steps import rounded
from askwell_convert.calibration.calibrate import Calibration, calibrate
from askwell_convert.calibration.decoder import decoder_of
from askwell_convert.calibration.layer import run_layer
from askwell_convert.calibration.layerwise import Layerwise
from askwell_convert.calibration.rotation import random_turn
from askwell_convert.calibration.rounding import Compensation
from askwell_convert.calibration.smoothing import plainly_rounded, smoothing_factors
from askwell_convert.calibration.steps import STEPS
from askwell_convert.calibration.text import read_texts, token_sequences
from askwell_convert.calibration.weights import Weights
from askwell_convert.command import main
from askwell_convert.convert import open_source
from askwell_convert.errors import ConvertError
from askwell_convert.forward import embedded, product, streamed_logits
from askwell_convert.variable import MadeInt8
from checkpoints import gptj_config, gptj_folder, random_gptj
from llamas import IDS, TOKENS, hf_folder, random_llama
from model_bin import read_variables

RANDOM = np.random.default_rng(0)


def gptj(folder):
    """Its norms' gains are near one, as real ones are, and one channel is far larger than the others."""
    config = gptj_config()
    tensors = random_gptj(config)
    for name in tensors:
        if ".ln_" in name and name.endswith("weight"):
            tensors[name] = 1 + 0.1 * tensors[name]
        if name.endswith(("out_proj.weight", "fc_out.weight")):
            tensors[name][3] *= 20
    return gptj_folder(folder, config, tensors)


def llama(folder):
    weights = random_llama(2, tied=True)
    for name in weights:
        if name.endswith(("ffn_down", "attn_output")):
            weights[name][3] *= 20
        if name.endswith("ffn_up"):
            weights[name][5] *= 20
    return hf_folder(folder, weights, 2, model_type="llama")


def qwen2(folder):
    """Query, key and value rows have biases."""
    weights = random_llama(2, tied=False)
    for name in [name for name in weights if name.endswith(("attn_q", "attn_k", "attn_v"))]:
        weights[name + ".bias"] = np.random.default_rng(0).normal(size=len(weights[name])).astype(np.float32)
    return hf_folder(folder, weights, 2, model_type="qwen2")


MODELS = pytest.mark.parametrize("model", [gptj, llama, qwen2])


@MODELS
def test_streamed_logits_are_the_engine_s(tmp_path, run_convert, compute_logits, model):
    folder = model(tmp_path / "source")
    run_convert(folder, tmp_path / "model")
    first, second = streamed_logits(open_source(str(folder), None), [IDS, IDS[:3]])
    np.testing.assert_allclose(first, compute_logits(tmp_path / "model", IDS), atol=2e-3, rtol=1e-3)
    np.testing.assert_allclose(second, first[:3], atol=2e-3, rtol=1e-3)


def test_sequences_are_computed_some_at_a_time_and_come_out_in_order(tmp_path, monkeypatch):
    source = open_source(str(llama(tmp_path / "source")), None)
    sequences = [IDS, IDS[:3], IDS[2:], IDS[:1], IDS[::-1]]
    at_once = list(streamed_logits(source, sequences))
    monkeypatch.setattr("askwell_convert.forward._MOST_TOKENS", 9)
    monkeypatch.setattr("askwell_convert.forward._MOST_LOGITS", 11 * len(TOKENS))
    for found, wanted in zip(streamed_logits(source, sequences), at_once, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-4)


@pytest.mark.parametrize("part, name", [("decoder", "scale_embeddings"), ("attention", "rotary_interleave")])
def test_what_is_not_computed_here_is_refused(tmp_path, part, name):
    source = open_source(str(llama(tmp_path / "source")), None)
    spec = source.plan.spec.decoder
    setattr(spec if part == "decoder" else spec.layer[0].self_attention, name, True)
    with pytest.raises(ConvertError, match="cannot be computed"):
        decoder_of(source.plan)


def test_turn_keeps_lengths_and_where_asked_the_ones():
    for width in (2, 33, 64):
        turn = random_turn(width, keep_ones=True).astype(np.float64)
        np.testing.assert_allclose(turn @ turn.T, np.eye(width), atol=1e-6)
        np.testing.assert_allclose(turn @ np.ones(width), 1, atol=1e-6)
    free = random_turn(64, keep_ones=False)
    assert np.abs(free @ np.ones(64, np.float32) - 1).max() > 0.1
    assert np.abs(free).max() < 0.6  # no channel stands out


@MODELS
def test_turned_model_computes_the_same(tmp_path, model):
    source = open_source(str(model(tmp_path / "source")), None)
    (wanted,) = streamed_logits(source, [IDS])
    decoder = decoder_of(source.plan)
    weights = Weights(source, random_turn(decoder.width, keep_ones=decoder.parallel))
    run = Layerwise(source, decoder, weights, frozenset(), 127, tmp_path, lambda path, count: None)

    def multiply(names, inputs):
        return [product(inputs, *run._load(name)) for name in names]

    hidden = embedded(weights, decoder, IDS)
    for layer in range(decoder.layers):
        run._scope = f"decoder/layer_{layer}/"
        run_layer(decoder, hidden, [len(IDS)], run._normed, multiply)
    path, run._scope = "decoder/projection/weight", ""
    states = run._normed("decoder/layer_norm", hidden)
    matrix, bias = weights.reading(source.plan.aliases.get(path, path), run._norm)
    found = product(states, matrix, bias)
    if weights.has("decoder/projection/bias"):
        found += weights.vector("decoder/projection/bias")
    np.testing.assert_allclose(found, wanted, atol=1e-3 * np.abs(wanted).max())


def write_text(folder):
    """Of the vocabulary that the tiny tokenizers know."""
    text = folder / "text.txt"
    text.write_text("".join(chr(33 + n) for n in np.random.default_rng(1).integers(0, 90, 4000)))
    return text


def calibration(tmp_path, *steps):
    return Calibration((write_text(tmp_path),), 1024, frozenset(steps))


def distance(folder, source, compute_logits):
    """Of the logits from the source's, relative."""
    ids = [int(n) for n in np.random.default_rng(2).integers(0, 90, 100)]
    (wanted,) = streamed_logits(open_source(str(source), None), [ids])
    return np.linalg.norm(compute_logits(folder, ids, "int8_float32") - wanted) / np.linalg.norm(wanted)


@MODELS
@pytest.mark.parametrize("steps", [(), ("rotation",), STEPS])
def test_every_step_keeps_the_model(tmp_path, run_convert, compute_logits, model, steps):
    source = model(tmp_path / "source")
    calibrate = calibration(tmp_path, *steps)
    report = run_convert(source, tmp_path / "model", "int8_float32", 63, calibrate=calibrate)
    run_convert(source, tmp_path / "plain", "int8_float32", 63)
    plain = distance(tmp_path / "plain", source, compute_logits)
    assert distance(tmp_path / "model", source, compute_logits) < 1.5 * plain < 0.3
    record = report.manifest.calibration
    done = [step for step in steps if step != "smoothing" or model is not gptj]
    assert record["steps"] == done and record["text"] == ["text.txt"] and 900 < record["tokens"] <= 1024
    assert [path.name for path in sorted((tmp_path / "model").iterdir())] == [
        "askwell.json", "config.json", "model.bin", "tokenizer.json", "vocabulary.json"
    ]  # fmt: skip


def test_turned_model_has_two_embeddings_and_plain_norms(tmp_path, run_convert):
    source = llama(tmp_path / "source")
    run_convert(source, tmp_path / "model", "int8_float16", 63, calibrate=calibration(tmp_path, *STEPS))
    variables = read_variables(tmp_path / "model" / "model.bin")
    embedding, projection = (variables[f"decoder/{name}/weight"] for name in ("embeddings", "projection"))
    assert embedding is not projection and (embedding != projection).any()
    assert (variables["decoder/layer_1/ffn/layer_norm/gamma"] == 1).all()
    for name, variable in variables.items():
        if variable.dtype == np.int8 and variable.ndim == 2:
            assert np.abs(variable).max() == (127 if "embeddings" in name else 63)


def test_compensated_rounding_spares_related_inputs():
    inputs = rounded((RANDOM.normal(size=(500, 40)) @ RANDOM.normal(size=(40, 300))).astype(np.float32))
    weights = RANDOM.normal(size=(70, 300)).astype(np.float32)
    values, scales = np.empty(weights.shape, np.int8), np.empty(len(weights), np.float32)
    Compensation(inputs).quantize(weights, 63, values, scales)
    wanted = inputs @ weights.T
    error = np.linalg.norm(inputs @ (values / scales[:, None]).T - wanted)
    assert np.abs(values).max() == 63
    assert error < 0.5 * np.linalg.norm(inputs @ plainly_rounded(weights, 63).T - wanted)


def test_wide_inputs_are_compensated_part_by_part(monkeypatch):
    monkeypatch.setattr("askwell_convert.calibration.rounding.MOST_COLUMNS", 100)
    inputs = RANDOM.normal(size=(500, 250)).astype(np.float32)
    weights = RANDOM.normal(size=(7, 250)).astype(np.float32)
    values, scales = np.empty(weights.shape, np.int8), np.empty(len(weights), np.float32)
    Compensation(inputs).quantize(weights, 127, values, scales)
    np.testing.assert_allclose(values / scales[:, None], weights, atol=0.1)


def test_smoothing_divides_the_channel_that_stands_out():
    inputs = RANDOM.normal(size=(300, 64)).astype(np.float32)
    inputs[:, 9] *= 50
    weights = RANDOM.normal(size=(32, 64)).astype(np.float32)
    factors, strength = smoothing_factors(inputs, weights, 127)
    assert strength > 0 and np.argmax(factors) == 9

    def error(by):
        found = rounded(inputs / by) @ plainly_rounded(weights * by, 127).T
        return np.linalg.norm(found - inputs @ weights.T)

    assert error(factors) < 0.7 * error(np.ones(64, np.float32))


def test_tokens_are_taken_evenly_from_all_of_the_text(tmp_path):
    source = open_source(str(gptj(tmp_path / "source")), None)
    texts = [text for text, _ in read_texts([])]
    every = token_sequences(texts, source, 10**9)
    some = token_sequences(texts, source, 2000)
    assert 1500 < sum(map(len, some)) <= 2000 and all(each in every for each in some)
    assert every.index(some[0]) < 20 and every.index(some[-1]) > len(every) - 20
    assert max(map(len, every)) == 256


@MODELS
@pytest.mark.parametrize("steps", [(), STEPS])
def test_report_has_every_matrix_once_and_what_rounding_left_of_it(tmp_path, monkeypatch, model, steps):
    monkeypatch.setattr("askwell_convert.calibration.weights._ROWS", 100)
    seen = {}

    class Seen:
        def observe(self, path, block, quantized, scales):
            assert block.start == sum(map(len, seen.setdefault(path, [])))
            seen[path].append(quantized.copy())
            assert np.abs(quantized / scales[:, None] - block.rows).max() < 3 * np.abs(1 / scales).max()

    source = open_source(str(model(tmp_path / "source")), None)
    done = calibrate(source, calibration(tmp_path, *steps), 63, tmp_path, lambda path, count: None, Seen())
    matrices = {path: made.read() for path, made in done.made.items() if isinstance(made, MadeInt8)}
    assert seen.keys() == matrices.keys() and len(seen) > 8
    for path, values in matrices.items():
        np.testing.assert_array_equal(np.concatenate(seen[path]), values)


@pytest.mark.parametrize("steps", [(), STEPS])
def test_picture_of_a_calibrated_conversion_has_every_matrix(tmp_path, run_convert, steps):
    picture = tmp_path / "report.svg"
    calibrate = calibration(tmp_path, *steps)
    source = gptj(tmp_path / "source")
    run_convert(source, tmp_path / "model", "int8_float16", 63, calibrate=calibrate, report=picture)
    assert picture.read_text().count("<title>") == 2 * 4 + 2


def test_command_says_what_compensated_rounding_bought(tmp_path, capsys):
    (text,) = calibration(tmp_path).texts
    options = ["--calibrate", str(text), "--without", "rotation"]
    assert main([str(llama(tmp_path / "source")), str(tmp_path / "model"), *options]) == 0
    found = re.search(
        r"with smoothing, rounding: a matrix's outputs are off by ([\d.]+)%, with plain rounding by ([\d.]+)",
        capsys.readouterr().out,
    )
    assert found is not None and float(found[1]) < float(found[2])
