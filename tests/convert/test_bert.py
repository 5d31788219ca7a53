"""BERT encoders: what they compute, and what is refused of them."""

import json

import ctranslate2
import numpy as np
import pytest
from askwell_convert.certify import CertifyRequest, certify
from askwell_convert.errors import ConvertError
from askwell_convert.verify import verify
from askwell_manifest import read_manifest
from berts import HEADS, WIDTH, bert_folder, bert_states, random_bert

IDS = [2, 4, 5, 6, 7, 8, 18, 3]


def states(folder):
    encoder = ctranslate2.Encoder(str(folder), compute_type="float32", intra_threads=1)
    return np.array(encoder.forward_batch([IDS]).last_hidden_state)[0]


@pytest.mark.parametrize("prefix", ["", "bert."])
def test_states_are_those_of_the_source(tmp_path, run_convert, prefix):
    tensors = random_bert()
    stored = {prefix + name: tensor for name, tensor in tensors.items()}
    if prefix:
        stored["cls.predictions.bias"] = np.zeros(8, np.float32)
    run_convert(bert_folder(tmp_path / "source", stored), tmp_path / "model")
    np.testing.assert_allclose(states(tmp_path / "model"), bert_states(tensors, IDS), atol=1e-5)
    manifest = read_manifest(tmp_path / "model")
    assert manifest.encodes and manifest.architecture == "bert"
    assert (manifest.bos_token, manifest.end_tokens) == ("[CLS]", ("[SEP]",))


def test_an_int8_encoder_is_verified_and_neither_certified_nor_calibrated(tmp_path, run_convert):
    from askwell_convert.calibration.calibrate import Calibration

    source, model = bert_folder(tmp_path / "source", random_bert()), tmp_path / "model"
    run_convert(source, model, "int8_float16", 63)
    assert verify(model).continuation is None
    with pytest.raises(ConvertError, match="holds an encoder"):
        certify(CertifyRequest(model, str(source), ()), None, None)
    with pytest.raises(ConvertError, match="a bert model is an encoder"):
        run_convert(source, tmp_path / "other", "int8_float16", 63, calibrate=Calibration())
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"position_embedding_type": "relative_key"}, "only 'absolute' is known"),
        ({"is_decoder": True}, "says is_decoder=True"),
        ({"num_attention_heads": HEADS + 1}, "does not divide"),
        ({"hidden_size": 2 * WIDTH}, r"has shape \[96, 32\]; the configuration says \[96, 64\]"),
    ],
)
def test_what_is_no_plain_encoder_is_refused(tmp_path, run_convert, change, told):
    with pytest.raises(ConvertError, match=told):
        run_convert(bert_folder(tmp_path / "source", random_bert(), **change), tmp_path / "model")


@pytest.mark.torch
def test_states_are_those_of_transformers(tmp_path, run_convert):
    import torch
    from transformers import BertConfig, BertModel

    tensors = random_bert()
    source = bert_folder(tmp_path / "source", tensors)
    run_convert(source, tmp_path / "model")
    config = BertConfig(**json.loads((source / "config.json").read_text()))
    model = BertModel(config).eval()
    model.load_state_dict({name: torch.tensor(t) for name, t in tensors.items()}, strict=False)
    with torch.no_grad():
        expected = model(torch.tensor([IDS])).last_hidden_state[0].numpy()
    np.testing.assert_allclose(states(tmp_path / "model"), expected, atol=1e-5)
