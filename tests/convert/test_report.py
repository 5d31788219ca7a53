"""The quantization report: its sums against plain numpy, its table, its picture."""

import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from askwell_convert.command import main
from askwell_convert.report import QuantizationReport
from askwell_convert.variable import Block
from checkpoints import gptj_config, gptj_folder, random_gptj

SVG = "{http://www.w3.org/2000/svg}"
OUTLIER = "transformer.h.1.mlp.fc_out.weight"


def quantized(rows, weight_range=63):
    scales = (weight_range / np.abs(rows).max(axis=1)).astype(np.float32)
    return np.rint(rows * scales[:, None]).astype(np.int8), scales


def test_error_of_blocks_from_several_threads_is_that_of_the_whole_matrix():
    rows = np.random.default_rng(0).normal(0, 0.3, (64, 48)).astype(np.float32)
    rows[7, 3] = 40.0  # everything else in its row is lost
    values, scales = quantized(rows)
    report = QuantizationReport()

    def observe(start):
        span = slice(start, start + 8)
        path = "decoder/layer_2/ffn/linear_1/weight"
        report.observe(path, Block("w", start, rows[span]), values[span], scales[span])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(observe, range(0, 64, 8)))
    lost = values / scales[:, None] - rows
    [matrix] = report.matrices()
    assert (matrix.layer, matrix.matrix) == (2, "feed-forward down")
    assert matrix.error == pytest.approx(np.linalg.norm(lost) / np.linalg.norm(rows), rel=1e-5)
    relative = np.linalg.norm(lost, axis=1) / np.linalg.norm(rows, axis=1)
    assert [row.row for row in matrix.worst] == list(np.argsort(-relative)[:5])
    assert matrix.worst[0].error == pytest.approx(relative.max(), rel=1e-5)


def test_matrix_of_zeros_loses_nothing():
    report = QuantizationReport()
    zeros = np.zeros((2, 4), np.float32)
    report.observe(
        "decoder/embeddings/weight", Block("w", 0, zeros), zeros.astype(np.int8), np.ones(2, np.float32)
    )
    assert [(each.layer, each.matrix, each.error) for each in report.matrices()] == [(None, "embedding", 0.0)]


def test_gate_of_a_feed_forward_network_is_told_from_its_up_matrix():
    def names(*attributes):
        report = QuantizationReport()
        rows = np.ones((1, 4), np.float32)
        for attribute in attributes:
            path = f"decoder/layer_0/{attribute}/weight"
            report.observe(path, Block("w", 0, rows), *quantized(rows))
        return [each.matrix for each in report.matrices()]

    assert names("ffn/linear_1", "ffn/linear_0") == ["feed-forward up", "feed-forward down"]
    gated = names("ffn/linear_1", "ffn/linear_0", "ffn/linear_0_noact")
    assert gated == ["feed-forward gate", "feed-forward up", "feed-forward down"]


def test_report_of_a_conversion_names_its_worst_row_on_screen_and_in_the_picture(tmp_path, capsys):
    config = gptj_config()
    tensors = random_gptj(config)
    tensors[OUTLIER][5, 9] = 60.0
    source = gptj_folder(tmp_path / "source <&>", config, tensors)
    picture = tmp_path / "report.svg"
    assert main([str(source), str(tmp_path / "model"), "--report", str(picture)]) == 0
    assert f"row 5 of {OUTLIER}" in capsys.readouterr().out
    root = ElementTree.parse(picture).getroot()
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert any(f"row 5 of {OUTLIER}" in text for text in texts)
    cells = list(root.iter(f"{SVG}g"))
    assert len(cells) == config["n_layer"] * 4 + 2
    view = [float(number) for number in root.get("viewBox").split()]
    for rect in root.iter(f"{SVG}rect"):
        assert float(rect.get("x", 0)) + float(rect.get("width")) <= view[2]
        assert float(rect.get("y", 0)) + float(rect.get("height")) <= view[3]


def test_report_of_weights_that_are_not_quantized_is_refused(tmp_path, capsys):
    source = gptj_folder(tmp_path / "source", gptj_config(), random_gptj(gptj_config()))
    options = ["--quantization", "float32", "--report", str(tmp_path / "report.svg")]
    assert main([str(source), str(tmp_path / "model"), *options]) == 2
    assert "choose an int8 quantization" in capsys.readouterr().err
    assert not (tmp_path / "model").exists()


def test_report_that_cannot_be_written_is_told_beside_a_whole_model(tmp_path, capsys):
    source = gptj_folder(tmp_path / "source", gptj_config(), random_gptj(gptj_config()))
    assert main([str(source), str(tmp_path / "model"), "--report", "/dev/full"]) == 2
    assert capsys.readouterr().err.endswith(
        "model is whole, but /dev/full cannot be written: No space left on device\n"
    )
    assert (tmp_path / "model" / "askwell.json").is_file()
