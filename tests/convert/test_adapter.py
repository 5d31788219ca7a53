"""LoRA adapters merged while streaming, against the same sum in plain numpy."""

import dataclasses
import math
from contextlib import closing

import numpy as np
import pytest
from askwell_convert.adapter import adapted, round_as
from askwell_convert.adapter_config import read_adapter_config
from askwell_convert.adapter_names import hugging_face_module
from askwell_convert.convert import Request, convert, open_source
from askwell_convert.errors import ConvertError
from askwell_convert.specification import Precision
from checkpoints import gptj_folder, random_gptj, write_torch_zip
from gguf import GGUFWriter
from lora_files import ALPHA, CONFIG, FC_IN, MODULES, RANK, WIDTH, named, random_pairs, write_adapter
from model_bin import read_variables
from safetensors.numpy import save_file


def bfloat16_values(values):
    """The nearest numbers of 8 significant bits, ties to even, by arithmetic."""
    _, exponents = np.frexp(values)
    steps = np.exp2(exponents.astype(np.float64) - 8)
    return (np.rint(values / steps) * steps).astype(np.float32)


def as_stored(dtype, values):
    if dtype == "bfloat16":
        return bfloat16_values(values)
    return values.astype(dtype).astype(np.float32)


def write_as_bfloat16(path, tensors):
    """numpy has no bfloat16: the upper halves are written as 16-bit integers, and their type renamed."""
    save_file({name: (t.view(np.uint32) >> 16).astype(np.uint16) for name, t in tensors.items()}, path)
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = data[8 : 8 + size].replace(b'"U16"', b'"BF16"')
    path.write_bytes(len(header).to_bytes(8, "little") + header + data[8 + size :])


@pytest.fixture
def gptj(tmp_path):
    return gptj_folder(tmp_path / "source", CONFIG, random_gptj(CONFIG))


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_rows_are_the_sum_rounded_once_to_the_type_of_the_source(tmp_path, gptj, dtype):
    weights = {name: as_stored(dtype, tensor) for name, tensor in random_gptj(CONFIG).items()}
    if dtype == "bfloat16":
        write_as_bfloat16(gptj / "model.safetensors", weights)
    else:
        save_file({name: t.astype(dtype) for name, t in weights.items()}, gptj / "model.safetensors")
    pairs = random_pairs(MODULES)
    source = adapted(open_source(str(gptj), None), write_adapter(tmp_path / "adapter", named(pairs)))
    with closing(source.checkpoint) as checkpoint:
        for module, (a, b) in pairs.items():
            before = weights[f"{module}.weight"]
            expected = as_stored(dtype, before + np.float32(ALPHA / RANK) * (b @ a))
            rows = np.empty((7, before.shape[1]), np.float32)
            checkpoint.read_rows(f"{module}.weight", 9, rows)
            assert not np.array_equal(expected[9:16], before[9:16])
            np.testing.assert_array_equal(rows, expected[9:16])
        untouched = np.empty((WIDTH, WIDTH), np.float32)
        checkpoint.read_rows("transformer.h.1.attn.k_proj.weight", 0, untouched)
        np.testing.assert_array_equal(untouched, weights["transformer.h.1.attn.k_proj.weight"])


def test_conversion_is_that_of_the_merged_folder(tmp_path, gptj, run_convert):
    pairs = random_pairs(MODULES)
    weights = random_gptj(CONFIG)
    for module, (a, b) in pairs.items():
        weights[f"{module}.weight"] += np.float32(ALPHA / RANK) * (b @ a)
    adapter = write_adapter(tmp_path / "adapter", named(pairs))
    run_convert(gptj, tmp_path / "ours", "int8_float16", 63, adapter=adapter)
    run_convert(gptj_folder(tmp_path / "merged", CONFIG, weights), tmp_path / "theirs", "int8_float16", 63)
    assert (tmp_path / "ours" / "model.bin").read_bytes() == (tmp_path / "theirs" / "model.bin").read_bytes()


def test_file_saved_by_torch_merges_as_safetensors_do(tmp_path, gptj, run_convert):
    tensors = named(random_pairs(MODULES))
    adapter = write_adapter(tmp_path / "adapter", tensors)
    run_convert(gptj, tmp_path / "safetensors", adapter=adapter)
    write_torch_zip(adapter / "adapter_model.bin", tensors)
    (adapter / "adapter_model.safetensors").unlink()
    run_convert(gptj, tmp_path / "bin", adapter=adapter)
    first, second = (tmp_path / name / "model.bin" for name in ("safetensors", "bin"))
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    ("config", "module", "scaling"),
    [
        ({}, FC_IN, 6 / 4),
        ({"use_rslora": True}, FC_IN, 6 / math.sqrt(4)),
        ({"rank_pattern": {"fc_in": 8}}, FC_IN, 6 / 8),
        ({"rank_pattern": {"fc_in": 8}, "use_rslora": True}, FC_IN, 6 / math.sqrt(8)),
        ({"rank_pattern": {"c_in": 8}}, FC_IN, 6 / 4),
        ({"rank_pattern": {"fc_in": 8}}, "transformer.h.1.mlp.fc_out", 6 / 4),
        ({"alpha_pattern": {r"^transformer\.h\.1\..*": 32}}, FC_IN, 32 / 4),
        ({"alpha_pattern": {"h.0.mlp.fc_in": 32}}, FC_IN, 6 / 4),
        ({"alpha_pattern": {"fc_in": 32, "mlp.fc_in": 64}}, FC_IN, 32 / 4),
    ],
)
def test_scaling_is_alpha_over_the_rank_of_the_module(tmp_path, config, module, scaling):
    folder = write_adapter(tmp_path / "adapter", {"x": np.zeros(1, np.float32)}, **config)
    assert read_adapter_config(folder).scaling_of(module) == scaling


@pytest.fixture
def gguf(tmp_path):
    """A Llama of two layers with grouped heads; its q and k rows are those of llama.cpp."""
    writer = GGUFWriter(path := tmp_path / "tiny.gguf", "llama")
    writer.add_context_length(64)
    writer.add_embedding_length(32)
    writer.add_block_count(2)
    writer.add_feed_forward_length(48)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list([*(chr(33 + n) for n in range(39)), "!A"])
    writer.add_token_types([1] * 40)
    writer.add_token_merges(["! A"])
    writer.add_eos_token_id(39)
    random = np.random.default_rng(3)
    shapes = {"token_embd": (40, 32), "output_norm": (32,), "output": (40, 32)}
    for layer in range(2):
        at = f"blk.{layer}."
        shapes |= {at + "attn_norm": (32,), at + "ffn_norm": (32,), at + "ffn_down": (32, 48)}
        shapes |= {at + "attn_q": (32, 32), at + "attn_k": (16, 32), at + "attn_v": (16, 32)}
        shapes |= {at + "attn_output": (32, 32), at + "ffn_gate": (48, 32), at + "ffn_up": (48, 32)}
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", (random.integers(-64, 65, shape) / 64).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def llama_modules():
    shapes = {"q_proj": (32, 32), "k_proj": (16, 32), "v_proj": (16, 32), "o_proj": (32, 32)}
    modules = {f"model.layers.1.self_attn.{name}": shape for name, shape in shapes.items()}
    modules |= {f"model.layers.1.mlp.{name}_proj": (48, 32) for name in ("gate", "up")}
    return modules | {"model.layers.1.mlp.down_proj": (32, 48), "lm_head": (40, 32)}


def test_delta_of_gguf_is_added_in_the_layout_of_hugging_face(tmp_path, gguf, run_convert):
    """ctranslate2's fused q, k and v have their rows in Hugging Face's order, that of the adapter."""
    pairs = random_pairs(llama_modules())
    adapter = write_adapter(tmp_path / "adapter", named(pairs), target_modules=r".*\.1\..*_proj|lm_head")
    run_convert(gguf, tmp_path / "before")
    run_convert(gguf, tmp_path / "after", adapter=adapter)
    before, after = (read_variables(tmp_path / name / "model.bin") for name in ("before", "after"))
    delta = {module.rpartition(".")[2]: np.float32(1.5) * (b @ a) for module, (a, b) in pairs.items()}
    at = "decoder/layer_1/"
    expected = {
        at + "self_attention/linear_0/weight": np.vstack([delta[f"{name}_proj"] for name in "qkv"]),
        at + "self_attention/linear_1/weight": delta["o_proj"],
        at + "ffn/linear_0/weight": delta["gate_proj"],
        at + "ffn/linear_0_noact/weight": delta["up_proj"],
        at + "ffn/linear_1/weight": delta["down_proj"],
        "decoder/projection/weight": delta["lm_head"],
    }
    for name, array in before.items():
        np.testing.assert_array_equal(after[name], array + expected.get(name, np.float32(0)), err_msg=name)


@pytest.mark.parametrize(
    ("tensor", "module"),
    [
        ("blk.31.attn_output.weight", "model.layers.31.self_attn.o_proj"),
        ("output.weight", "lm_head"),
        ("model.layers.0.mlp.up_proj.weight", "model.layers.0.mlp.up_proj"),
        ("gpt_neox.layers.3.attention.query_key_value.weight", "gpt_neox.layers.3.attention.query_key_value"),
        ("h.3.attn.c_attn.weight", "transformer.h.3.attn.c_attn"),
        ("transformer.h.3.attn.c_attn.weight", "transformer.h.3.attn.c_attn"),
    ],
)
def test_modules_have_the_names_of_hugging_face(tensor, module):
    assert hugging_face_module(tensor) == module


def test_transposed_tensor_gains_the_transposed_delta(tmp_path, gptj):
    """As GPT-2's Conv1D stores its weights. A square one shows no mistake in its shape."""
    pairs = random_pairs({"transformer.h.0.attn.q_proj": (WIDTH, WIDTH)})
    source = open_source(str(gptj), None)
    weights = {
        path: tuple(dataclasses.replace(part, head_order=None, transposed=True) for part in parts)
        for path, parts in source.plan.weights.items()
        if "layer_0/self_attention" in path
    }
    source = dataclasses.replace(source, plan=dataclasses.replace(source.plan, weights=weights))
    [(a, b)] = pairs.values()
    source = adapted(source, write_adapter(tmp_path / "adapter", named(pairs)))
    rows = np.empty((5, WIDTH), np.float32)
    with closing(source.checkpoint) as checkpoint:
        checkpoint.read_rows("transformer.h.0.attn.q_proj.weight", 3, rows)
    before = random_gptj(CONFIG)["transformer.h.0.attn.q_proj.weight"]
    np.testing.assert_array_equal(rows, (before + np.float32(1.5) * (b @ a).T)[3:8])


@pytest.mark.parametrize(
    ("base", "warnings"),
    [("EleutherAI/other-6b", 1), ("/models/Source/", 0), (None, 0), ("org/source.gguf", 0)],
)
def test_base_model_of_another_name_is_a_warning(tmp_path, gptj, caplog, base, warnings):
    folder = write_adapter(tmp_path / "adapter", named(random_pairs(MODULES)), base_model_name_or_path=base)
    source = adapted(open_source(str(gptj), None), folder)
    source.checkpoint.close()
    assert len(caplog.records) == warnings


def test_not_a_number_stays_one_in_every_type():
    for dtype in ("float32", "float16", "bfloat16"):
        rows = np.array([[np.nan, -np.nan, np.inf, 1.0]], np.float32)
        rows.view(np.uint32)[0, 0] = 0x7FFFFFFF  # rounding its bits up carries into the sign
        round_as(dtype, rows)
        assert np.isnan(rows[0, :2]).all()
        assert rows[0, 2:].tolist() == [np.inf, 1.0]


def test_adapter_that_changes_while_it_is_merged_is_refused(tmp_path, gptj):
    adapter = write_adapter(tmp_path / "adapter", named(random_pairs(MODULES)))

    class Training:
        def begin(self, total_bytes):
            (adapter / "adapter_model.safetensors").touch()

        def advance(self, tensor, count_bytes):
            pass

    request = Request(str(gptj), tmp_path / "model", Precision("float32", 0), adapter=adapter)
    with pytest.raises(ConvertError, match=r"adapter_model.safetensors changed while it was read"):
        convert(request, Training())
    assert not (tmp_path / "model").exists()
