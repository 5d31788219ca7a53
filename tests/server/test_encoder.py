"""The sentence encoder: its rows, its refusals, and that each domain worker has it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from askwell_convert.convert import Request, convert
from askwell_convert.specification import Precision
from askwell_manifest import MANIFEST_NAME
from askwell_server import app
from askwell_server.domain.encoder import MiniLm
from askwell_server.domain.encoder_folder import EncoderRefused
from askwell_server.domain.pool import DomainPool
from berts import POSITIONS, bert_folder, bert_states, random_bert
from domain_tasks import Encode
from tiny_model import make_tiny_model

TEXTS = ("tell me about a time", "when you led the team?", "", "tell [SEP] me", "tell " * 400)


class Silent:
    def begin(self, total_bytes):
        pass

    def advance(self, tensor, count_bytes):
        pass


@pytest.fixture(scope="module")
def encoder_folder(tmp_path_factory):
    """A tiny encoder in float32."""
    folder = tmp_path_factory.mktemp("bert")
    source = bert_folder(folder / "source", random_bert())
    convert(Request(str(source), folder / "encoder", Precision("float32", 0)), Silent())
    return folder / "encoder"


def broken(folder, target):
    """The folder with weights that are none, of the right length."""
    shutil.copytree(folder, target)
    (target / "model.bin").write_bytes(bytes((folder / "model.bin").stat().st_size))
    return target


def test_rows_are_means_of_states_scaled_to_length_1(encoder_folder):
    rows = MiniLm(encoder_folder).encode(TEXTS)
    # [CLS], the words, [SEP]; a spelled [SEP] is three words; what is too long is cut to the positions
    ids = [[4, 5, 6, 7, 8], [9, 10, 11, 12, 13, 14], [], [4, 17, 16, 18, 5], [4] * (POSITIONS - 2)]
    means = np.array([bert_states(random_bert(), [2, *text, 3]).mean(axis=0) for text in ids])
    expected = means / np.linalg.norm(means, axis=1, keepdims=True)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows, expected, atol=1e-5)


def test_a_text_gets_the_same_row_alone_and_in_company(encoder_folder):
    encoder = MiniLm(encoder_folder)
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    np.testing.assert_array_equal(alone, encoder.encode(TEXTS))
    assert encoder.encode([]).shape == (0, alone.shape[1])


async def test_every_worker_has_the_encoder(encoder_folder, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent), prepend=":")
    pool = DomainPool(1, encoder_folder)
    await pool.start()
    try:
        np.testing.assert_array_equal(await pool.run(Encode(TEXTS)), MiniLm(encoder_folder).encode(TEXTS))
    finally:
        await pool.close()


async def test_an_encoder_that_does_not_load_is_why_the_pool_does_not_start(encoder_folder, tmp_path):
    pool = DomainPool(1, broken(encoder_folder, tmp_path / "broken"))
    with pytest.raises(EncoderRefused, match="cannot load"):
        await pool.start()
    await pool.close()


def test_full_range_weights_are_refused_where_sums_saturate(encoder_folder, tmp_path, monkeypatch):
    folder = shutil.copytree(encoder_folder, tmp_path / "full")
    manifest = json.loads((folder / MANIFEST_NAME).read_text())
    (folder / MANIFEST_NAME).write_text(json.dumps(manifest | {"weight_range": 127}))
    monkeypatch.setattr("askwell_server.domain.encoder.int8_saturates", lambda: True)
    with pytest.raises(EncoderRefused, match="convert the encoder with --target any"):
        MiniLm(folder)


def test_wrong_folders_are_refused_in_one_line(encoder_folder, tmp_path, capsys):
    model = make_tiny_model(tmp_path / "tiny")
    for argv, told in [
        (["--model", model, "--encoder", tmp_path / "none"], f"no model folder at {tmp_path / 'none'}"),
        # Before any model is looked at: one may take a minute to load.
        (["--model", tmp_path / "none", "--encoder", model], "holds a gptj model, which generates text"),
        (["--model", encoder_folder], "holds a sentence encoder, which generates nothing"),
        (["--model", model, "--encoder", broken(encoder_folder, tmp_path / "broken")], "cannot load"),
    ]:
        assert app.run([*map(str, argv), "--port", "0", "--log-level", "error"], {}) == 2
        captured = capsys.readouterr()
        assert captured.err.startswith("askwell-server: ") and told in captured.err
        assert captured.err.count("\n") == 1 and not captured.out
