"""model.bin, as several threads write it: ctranslate2's own bytes, whatever was made or read."""

import errno
import os
import signal
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from askwell_convert.convert import Request, convert, open_source
from askwell_convert.errors import ConvertError
from askwell_convert.quantize import NotFinite, bfloat16_rows, narrow_rows
from askwell_convert.specification import Precision, Specification, fill_specification
from askwell_convert.tokenizer import model_vocabulary, parse_tokenizer
from askwell_convert.variable import ArrayRows, LazyVariable, MadeInt8, Piece, PlainRows, QuantizedRows
from askwell_convert.writer import write_model
from askwell_manifest import file_record
from checkpoints import TINY_GPTJ, gptj_config, gptj_folder, random_gptj
from ctranslate2.specs.model_spec import NumpyVariable, index_spec
from model_bin import read_variables

UP = "decoder/layer_1/ffn/linear_0/weight"
NAN_TENSOR = "transformer.h.1.mlp.fc_in.weight"


def unwatched(tensor, count_bytes):
    pass


def filled_from(source: Path, precision: Precision, **seams) -> Specification:
    opened = open_source(str(source), None)
    plan, tokenizer = opened.plan, opened.tokenizer
    vocabulary = model_vocabulary(
        parse_tokenizer(tokenizer.json_text, "here"), plan.vocabulary_size, plan.padding_token, "here"
    )
    return fill_specification(
        plan, opened.checkpoint, precision, vocabulary, tokenizer.special, unwatched, **seams
    )


def written(folder: Path, source: Path, precision: Precision, **seams):
    folder.mkdir()
    write_model(filled_from(source, precision, **seams), folder)
    return read_variables(folder / "model.bin")


@pytest.fixture
def tied(tmp_path):
    config = gptj_config(tie_word_embeddings=True)
    tensors = random_gptj(config)
    del tensors["lm_head.weight"]
    return gptj_folder(tmp_path / "tied", config, tensors)


@pytest.mark.parametrize("quantization", ["int8_float16", "float16", "float32"])
def test_files_are_byte_by_byte_those_of_ctranslate2(tmp_path, tied, quantization):
    filled = filled_from(tied, Precision(quantization, 127 if "int8" in quantization else 0))
    for name in ("ours", "stock"):
        (tmp_path / name).mkdir()
    record = write_model(filled, tmp_path / "ours")
    assert record == file_record(tmp_path / "ours" / "model.bin")
    values = read_variables(tmp_path / "ours" / "model.bin")
    for path, variable in filled.spec.variables().items():
        if isinstance(variable, LazyVariable):
            scope, _, attribute = path.rpartition("/")
            setattr(index_spec(filled.spec, scope), attribute, NumpyVariable(values[path]))
    filled.spec.save(str(tmp_path / "stock"))
    ours, stock = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("ours", "stock")
    )
    assert ours.keys() == stock.keys()
    assert [name for name in ours if ours[name] != stock[name]] == []


def test_number_of_threads_leaves_no_trace(tmp_path):
    records = set()
    for workers in (1, 2, 5):
        (tmp_path / str(workers)).mkdir()
        filled = filled_from(TINY_GPTJ, Precision("int8_float32", 63))
        records.add(write_model(filled, tmp_path / str(workers), workers))
    assert len(records) == 1


def test_write_that_took_only_a_part_goes_on(tmp_path, monkeypatch):
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    whole = write_model(filled_from(TINY_GPTJ, Precision("int8_float32", 63)), tmp_path / "whole")
    pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda descriptor, view, at: pwrite(descriptor, view[:1000], at))
    assert write_model(filled_from(TINY_GPTJ, Precision("int8_float32", 63)), tmp_path / "parts") == whole


def test_two_threads_read_at_once(tmp_path, monkeypatch):
    filled = filled_from(TINY_GPTJ, Precision("int8_float16", 63))
    both, first, pieces = threading.Barrier(2, timeout=10), set(), QuantizedRows.pieces

    def meeting(variable):
        if threading.get_ident() not in first:
            first.add(threading.get_ident())
            both.wait()
        yield from pieces(variable)

    monkeypatch.setattr(QuantizedRows, "pieces", meeting)
    write_model(filled, tmp_path)
    assert len(first) == 2


def test_made_arrays_stand_for_the_checkpoints_tensors(tmp_path):
    plain = written(tmp_path / "plain", TINY_GPTJ, Precision("int8_float16", 63))
    gamma, bias = "decoder/layer_0/shared_layer_norm/gamma", "decoder/layer_0/self_attention/linear_0/bias"
    made = {
        UP: np.full(plain[UP].shape, -2.0, np.float32),
        gamma: np.linspace(0, 1, len(plain[gamma]), dtype=np.float32),
        bias: np.full(len(plain["decoder/layer_0/self_attention/linear_0/weight"]), 3, np.float32),
    }
    ours = written(tmp_path / "made", TINY_GPTJ, Precision("int8_float16", 63), made=made)
    assert set(np.unique(ours[UP])) == {-63}
    assert set(ours[UP + "_scale"]) == {31.5}
    assert ours[gamma].tobytes() == made[gamma].astype(np.float16).tobytes()
    assert ours[bias].tolist() == made[bias].tolist()  # which no GPT-J has
    changed = {UP, UP + "_scale", gamma, bias}
    assert {name for name in ours if name not in changed} == {name for name in plain if name not in changed}
    assert all(ours[name].tobytes() == plain[name].tobytes() for name in plain if name not in changed)


def test_made_int8_is_stored_as_it_is_and_unties_a_projection(tmp_path, tied):
    projection = "decoder/projection/weight"
    plain = written(tmp_path / "plain", tied, Precision("int8_float32", 63))
    assert plain[projection].tobytes() == plain["decoder/embeddings/weight"].tobytes()
    values = np.roll(plain[projection], 1, axis=0)
    scales = np.arange(1, len(values) + 1, dtype=np.float32)
    made = MadeInt8((len(values), values.shape[1]), scales, lambda: values)
    ours = written(tmp_path / "made", tied, Precision("int8_float32", 63), made={projection: made})
    assert ours[projection].tobytes() == values.tobytes()
    assert ours[projection + "_scale"].tobytes() == scales.tobytes()
    assert ours["decoder/embeddings/weight"].tobytes() == plain["decoder/embeddings/weight"].tobytes()


class Rebuilding:
    """An observer that keeps what it sees."""

    def __init__(self):
        self.seen, self.lock = {}, threading.Lock()

    def observe(self, path, block, quantized, scales):
        assert np.abs(quantized / scales[:, None] - block.rows).max() <= 0.5001 / scales.min()
        with self.lock:
            self.seen.setdefault(path, {})[block.start] = quantized.copy()


def test_observer_sees_every_row_of_every_int8_matrix_once(tmp_path):
    observer = Rebuilding()
    ours = written(tmp_path / "model", TINY_GPTJ, Precision("int8_float16", 63), observer=observer)
    matrices = {name for name, values in ours.items() if values.dtype == np.int8 and values.ndim == 2}
    assert observer.seen.keys() == matrices
    for path, blocks in observer.seen.items():
        assert np.concatenate([blocks[start] for start in sorted(blocks)]).tobytes() == ours[path].tobytes()


def test_bad_values_are_counted_over_the_whole_tensor(tmp_path, run_convert, monkeypatch):
    tensors = random_gptj(gptj_config())
    for row, value in ((3, np.nan), (3, np.inf), (70, -np.inf), (127, np.nan)):
        tensors[NAN_TENSOR][row, (row + int(value == np.inf)) % 32] = value
    source = gptj_folder(tmp_path / "source", gptj_config(), tensors)
    monkeypatch.setattr("askwell_convert.variable.BLOCK_VALUES", 256)  # so that it comes in many blocks
    for quantization, weight_range in (("int8_float16", 63), ("bfloat16", 0)):
        with pytest.raises(ConvertError, match=rf"{NAN_TENSOR} holds NaN.*\(4 values, the first in row 3 "):
            run_convert(source, tmp_path / "model", quantization, weight_range)
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_value_that_overflows_the_chosen_type_is_refused():
    half, brain = np.empty((1, 1), np.float16), np.empty((1, 1), np.uint16)
    for rows, narrow, out in (
        (np.float32(65519.996), narrow_rows, half),  # rounds to 65504
        (np.uint32(0x7F7F7FFF).view(np.float32), bfloat16_rows, brain),
    ):
        narrow(np.full((1, 1), rows), out)
        beyond = np.nextafter(rows, np.float32(np.inf))
        with pytest.raises(NotFinite) as refused:
            narrow(np.array([[rows], [beyond], [rows]]), np.repeat(out, 3, axis=0))
        assert (refused.value.count, refused.value.row) == (1, 1)


def test_bfloat16_is_rounded_to_the_nearest_and_ties_go_to_even():
    bits = [0x3F808000, 0x3F818000, 0x3F808001, 0x3F807FFF, 0xBF808001, 0x00000001, 0x00008001, 0x80000000]
    expected = [0x3F80, 0x3F82, 0x3F81, 0x3F80, 0xBF81, 0x0000, 0x0001, 0x8000]
    out = np.empty((1, len(bits)), np.uint16)
    bfloat16_rows(np.array([bits], np.uint32).view(np.float32), out)
    assert [hex(each) for each in out[0]] == [hex(each) for each in expected]


def test_bfloat16_model_holds_the_weights_of_the_float32_one(tmp_path):
    exact = written(tmp_path / "exact", TINY_GPTJ, Precision("float32", 0))
    narrow = written(tmp_path / "narrow", TINY_GPTJ, Precision("bfloat16", 0))
    for name, values in exact.items():
        if values.dtype == np.float32 and values.ndim:
            bits = narrow[name].astype(np.uint32) << 16
            np.testing.assert_allclose(bits.view(np.float32), values, rtol=2**-8, atol=0)
    mixed = written(tmp_path / "mixed", TINY_GPTJ, Precision("int8_bfloat16", 63))
    assert (mixed[UP].dtype, mixed[UP + "_scale"].dtype) == (np.int8, np.float32)
    assert mixed["decoder/layer_norm/gamma"].tobytes() == narrow["decoder/layer_norm/gamma"].tobytes()


def test_memory_does_not_grow_with_the_matrix():
    rows = ArrayRows("large", np.ones((4096, 4096), np.float32))
    for variable in (
        QuantizedRows("large", rows, 63, unwatched, None),
        PlainRows(rows, "float16", unwatched),
    ):
        tracemalloc.start()
        for _ in variable.pieces():
            pass
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < variable.num_bytes() / 4


def test_interrupt_ends_the_threads_in_the_middle_of_a_variable(tmp_path, monkeypatch):
    begun, ran_out = threading.Event(), threading.Event()

    def endless(variable):
        for _ in range(1_000_000):
            yield Piece(variable, 0, np.zeros(1, np.int8))
            begun.set()
        ran_out.set()

    def interrupt():
        begun.wait()
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(QuantizedRows, "pieces", endless)
    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        write_model(filled_from(TINY_GPTJ, Precision("int8_float16", 63)), tmp_path)
    assert not ran_out.is_set()
    assert not [each for each in threading.enumerate() if each.name.startswith("askwell-convert")]


def test_engine_computes_with_bfloat16_weights(tmp_path, run_convert, compute_logits):
    ids = [5, 300, 17, 42]
    run_convert(TINY_GPTJ, tmp_path / "exact")
    expected = compute_logits(tmp_path / "exact", ids)
    for quantization, weight_range, most in (("bfloat16", 0, 0.02), ("int8_bfloat16", 127, 0.05)):
        run_convert(TINY_GPTJ, tmp_path / quantization, quantization, weight_range)
        difference = np.abs(compute_logits(tmp_path / quantization, ids) - expected).max()
        assert 0 < difference < most * np.abs(expected).max()


def test_disk_that_fills_up_under_a_thread_leaves_nothing(tmp_path, run_convert, monkeypatch):
    pwrite = os.pwrite

    def full(descriptor, values, position):
        if threading.current_thread() is not threading.main_thread() and position > 40_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        return pwrite(descriptor, values[:1000], position)  # a write may take less than it is given

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(ConvertError, match="disk became full"):
        run_convert(TINY_GPTJ, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


class Meddling:
    """Somebody who changes the source while it is read."""

    def __init__(self, change):
        self._change = change

    def begin(self, total_bytes):
        self._change()

    def advance(self, tensor, count_bytes):
        pass


@pytest.mark.parametrize("change", ["written to", "replaced", "removed"])
def test_source_that_changes_while_it_is_read_is_refused(tmp_path, change):
    source = gptj_folder(tmp_path / "source", gptj_config(), random_gptj(gptj_config()))
    weights, log = source / "model.safetensors", source / "training.log"
    log.write_text("step 1")

    def meddle():
        if change == "written to":
            with weights.open("r+b") as file:
                file.seek(-4, os.SEEK_END)
                file.write(b"\0\0\0\0")
        elif change == "replaced":
            (source / "new").write_bytes(weights.read_bytes())
            os.utime(source / "new", ns=(weights.stat().st_atime_ns, weights.stat().st_mtime_ns))
            (source / "new").replace(weights)
        else:
            weights.unlink()

    request = Request(str(source), tmp_path / "model", Precision("float32", 0))
    with pytest.raises(ConvertError, match=r"model.safetensors changed while it was read; convert again"):
        convert(request, Meddling(meddle))
    assert [path.name for path in tmp_path.iterdir()] == ["source"]
    if change == "written to":  # a file that no conversion reads may change
        convert(request, Meddling(lambda: log.write_text("step 2")))
