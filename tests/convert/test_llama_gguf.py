"""The Llama path, against a forward pass in Hugging Face's layout of what a GGUF holds in llama.cpp's."""

import numpy as np
import pytest
from askwell_convert.convert import open_source
from askwell_convert.errors import ConvertError
from askwell_convert.gguf_checkpoint import GgufCheckpoint
from askwell_convert.gguf_header import read_gguf_header
from askwell_convert.plan import sliced_rotary_order
from gguf import GGUFReader, GGUFWriter, RopeScalingType
from gguf.constants import GGMLQuantizationType
from gguf.quants import dequantize, quant_shape_to_byte_shape, quantize
from llamas import HEADS, IDS, INNER, LAYERS, THETA, TOKENS, WIDTH, hf_folder, random_llama
from model_bin import read_variables


def llama_cpp_order(rows: np.ndarray, heads: int) -> np.ndarray:
    """What llama.cpp's converter does to q and k: halves of a head become interleaved pairs."""
    return rows.reshape(heads, 2, -1, rows.shape[1]).swapaxes(1, 2).reshape(rows.shape)


def write_gguf(path, weights, kv_heads, *, tokens=TOKENS, type_=GGMLQuantizationType.F32, **metadata):
    architecture = metadata.pop("architecture", "llama")
    writer = GGUFWriter(path, architecture)
    writer.add_context_length(128)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(kv_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(THETA)
    writer.add_tokenizer_model(metadata.pop("kind", "gpt2"))
    writer.add_tokenizer_pre(metadata.pop("pre", "smollm"))
    writer.add_token_list(tokens)
    writer.add_token_types([1] * (len(tokens) - 2) + [3, 3])
    writer.add_token_merges(['! "'])
    writer.add_eos_token_id(len(tokens) - 1)
    for key, value in metadata.items():
        getattr(writer, key)(value)
    for name, tensor in weights.items():
        if architecture == "llama" and name.endswith(("attn_q", "attn_k")):
            tensor = llama_cpp_order(tensor, HEADS if name.endswith("q") else kv_heads)
        raw_type = type_ if tensor.ndim == 2 else GGMLQuantizationType.F32
        name = name if name.endswith(".bias") else f"{name}.weight"
        writer.add_tensor(name, quantize(tensor, raw_type), raw_dtype=raw_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def llama_logits(weights, kv_heads):
    """Float32 logits in Hugging Face's layout: rotary on the halves of a head, grouped key-value heads."""

    def norm(x, name):
        return x / np.sqrt((x**2).mean(-1, keepdims=True) + np.float32(1e-5)) * weights[name]

    def heads(x, name, count):
        return (x @ weights[name].T).reshape(len(x), count, -1).swapaxes(0, 1)

    def rotate(x):
        size = x.shape[-1]
        angles = np.arange(x.shape[1])[:, None] / THETA ** (np.arange(0, size, 2) / size)
        cos, sin = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
        low, high = x[..., : size // 2], x[..., size // 2 :]
        return np.concatenate([low * cos - high * sin, high * cos + low * sin], axis=-1)

    hidden = weights["token_embd"][IDS]
    for layer in range(LAYERS):
        at = f"blk.{layer}."
        x = norm(hidden, at + "attn_norm")
        q, k = rotate(heads(x, at + "attn_q", HEADS)), rotate(heads(x, at + "attn_k", kv_heads))
        v = heads(x, at + "attn_v", kv_heads)
        k, v = (np.repeat(group, HEADS // kv_heads, axis=0) for group in (k, v))
        scores = q @ k.swapaxes(1, 2) / np.sqrt(np.float32(q.shape[-1]))
        chances = np.exp(np.where(np.tri(len(IDS), dtype=bool), scores, np.float32(-np.inf)))
        mixed = (chances / chances.sum(-1, keepdims=True) @ v).swapaxes(0, 1).reshape(len(IDS), -1)
        hidden = hidden + mixed @ weights[at + "attn_output"].T
        x = norm(hidden, at + "ffn_norm")
        gate = x @ weights[at + "ffn_gate"].T
        hidden = (
            hidden
            + (gate / (1 + np.exp(-gate)) * (x @ weights[at + "ffn_up"].T)) @ weights[at + "ffn_down"].T
        )
    return norm(hidden, "output_norm") @ weights.get("output", weights["token_embd"]).T


@pytest.mark.parametrize(("kv_heads", "tied"), [(4, False), (2, True), (1, False)])
def test_gguf_computes_what_its_weights_mean(tmp_path, run_convert, compute_logits, kv_heads, tied):
    weights = random_llama(kv_heads, tied=tied)
    run_convert(write_gguf(tmp_path / "tiny.gguf", weights, kv_heads), tmp_path / "model")
    logits = compute_logits(tmp_path / "model", IDS)
    np.testing.assert_allclose(logits, llama_logits(weights, kv_heads), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("architecture", "tied"), [("llama", True), ("llama", False), ("qwen2", True)])
@pytest.mark.parametrize(("quantization", "weight_range"), [("float32", 0), ("int8_float16", 63)])
def test_both_formats_give_the_same_variables(
    tmp_path, run_convert, architecture, tied, quantization, weight_range
):
    weights = random_llama(2, tied=tied)
    if architecture == "qwen2":
        biases = {f"blk.{layer}.attn_{kind}.bias" for layer in range(LAYERS) for kind in "qkv"}
        rows = {name: WIDTH if name.endswith("q.bias") else WIDTH // 2 for name in biases}
        weights |= {name: np.linspace(-1, 1, rows[name], dtype=np.float32) for name in sorted(biases)}
    gguf = write_gguf(tmp_path / "tiny.gguf", weights, 2, architecture=architecture)
    folder = hf_folder(tmp_path / "folder", weights, 2, model_type=architecture)
    for source, output in ((gguf, "a"), (folder, "b")):
        run_convert(source, tmp_path / output, quantization, weight_range)
    assert (tmp_path / "a" / "model.bin").read_bytes() == (tmp_path / "b" / "model.bin").read_bytes()


@pytest.mark.parametrize("name", ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"])
def test_float32_conversion_holds_what_the_file_s_weights_stand_for(tmp_path, run_convert, name):
    type_ = GGMLQuantizationType[name]
    weights = random_llama(2, tied=True)
    run_convert(write_gguf(tmp_path / "tiny.gguf", weights, 2, type_=type_), tmp_path / "model")
    variables = read_variables(tmp_path / "model" / "model.bin")

    def meant(stored):
        return dequantize(quantize(stored, type_), type_)

    q, k = (llama_cpp_order(weights[f"blk.1.attn_{kind}"], heads) for kind, heads in (("q", HEADS), ("k", 2)))
    order = sliced_rotary_order(WIDTH // HEADS, WIDTH // HEADS)
    rows = [meant(tensor).reshape(-1, len(order), WIDTH)[:, order].reshape(-1, WIDTH) for tensor in (q, k)]
    expected = np.concatenate([*rows, meant(weights["blk.1.attn_v"])])
    np.testing.assert_array_equal(variables["decoder/layer_1/self_attention/linear_0/weight"], expected)
    np.testing.assert_array_equal(variables["decoder/embeddings/weight"], meant(weights["token_embd"]))


@pytest.mark.parametrize("name", ["Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"])
def test_k_quants_are_dequantized_a_few_rows_at_a_time(tmp_path, name):
    type_, rows, width = GGMLQuantizationType[name], 12, 512
    raw = np.random.default_rng(0).integers(
        0, 60, (rows, quant_shape_to_byte_shape((width,), type_)[0]), np.uint8
    )
    writer = GGUFWriter(tmp_path / "k.gguf", "llama")
    writer.add_tensor("a.weight", raw, raw_dtype=type_)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    checkpoint = GgufCheckpoint(tmp_path / "k.gguf", read_gguf_header(tmp_path / "k.gguf").tensors)
    out = np.empty((5, width), np.float32)
    checkpoint.read_rows("a.weight", 4, out)
    checkpoint.close()
    assert np.abs(out).max() > 0
    assert out.tobytes() == dequantize(raw, type_)[4:9].tobytes()


@pytest.mark.parametrize("name", ["F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"])
def test_quantized_rows_are_dequantized_a_few_at_a_time(tmp_path, name):
    type_ = GGMLQuantizationType[name]
    weights = random_llama(2, tied=True)
    source = open_source(str(write_gguf(tmp_path / "tiny.gguf", weights, 2, type_=type_)), None)
    whole = dequantize(quantize(weights["token_embd"], type_), type_)
    rows = np.empty((5, WIDTH), np.float32)
    source.checkpoint.read_rows("token_embd.weight", 11, rows)
    source.checkpoint.close()
    assert rows.tobytes() == whole[11:16].tobytes()


def test_block_whose_scale_is_no_number_is_named_without_warnings(tmp_path, run_convert):
    path = write_gguf(tmp_path / "tiny.gguf", random_llama(2, tied=True), 2, type_=GGMLQuantizationType.Q8_0)
    tensor = next(tensor for tensor in GGUFReader(path).tensors if tensor.name == "blk.1.ffn_up.weight")
    data = bytearray(path.read_bytes())
    block = b"\x00\x7c" + bytes(32)  # float16's infinity times 0
    data[tensor.data_offset : tensor.data_offset + len(block)] = block
    path.write_bytes(data)
    with pytest.raises(ConvertError, match=r"tensor blk\.1\.ffn_up\.weight holds"):
        run_convert(path, tmp_path / "model")


def test_gguf_metadata_become_the_manifest(tmp_path, run_convert):
    path = write_gguf(
        tmp_path / "Tiny-Llama.Q4_K_M.gguf", random_llama(2, tied=True), 2, add_chat_template="{{ messages }}"
    )
    manifest = run_convert(path, tmp_path / "model").manifest
    assert (manifest.name, manifest.source) == ("tiny-llama", "Tiny-Llama.Q4_K_M.gguf")
    assert (manifest.positions, manifest.prompt_style, manifest.end_tokens) == (128, "chat", ("<|im_end|>",))
    assert manifest.chat_template == "{{ messages }}"


REFUSED = {
    "architecture": ({"architecture": "gemma"}, "'gemma'"),
    "unigram": ({"kind": "t5"}, "of kind 't5'"),
    "no scores": ({"kind": "llama"}, "not one score for each of its 96 tokens"),
    "splitting": ({"pre": "tekken"}, "'tekken'"),
    "rope scaling": ({"add_rope_scaling_type": RopeScalingType.YARN}, "rope scaling"),
    "window": ({"add_sliding_window": 64}, "sliding_window=64"),
    "experts": ({"add_expert_count": 8}, "mixture of experts"),
    "duplicate token": ({"tokens": ["!", *TOKENS[1:-3], "!", *TOKENS[-2:]]}, "the token '!' twice"),
    "larger vocabulary": ({"tokens": ["more", *TOKENS]}, "the embedding has only 96 rows"),
}


@pytest.mark.parametrize(("changes", "message"), REFUSED.values(), ids=REFUSED)
def test_gguf_that_means_something_else_is_refused(tmp_path, run_convert, changes, message):
    path = write_gguf(tmp_path / "odd.gguf", random_llama(2, tied=True), 2, **changes)
    with pytest.raises(ConvertError, match=message):
        run_convert(path, tmp_path / "model")
    assert sorted(tmp_path.iterdir()) == [path]
