"""Tiny sources, one of every format that the converter reads, to be damaged."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .raw import Raw, Raws, raw_from_array, safetensors_bytes, write_torch

GGUF_TYPES = ("F32", "Q8_0", "Q4_K")
FOLDER_FORMATS = ("safetensors", "safetensors shards", "bin", "bin shards")
GGUF_FORMATS = tuple(f"gguf {type_.lower()}" for type_ in GGUF_TYPES)
FORMATS = FOLDER_FORMATS + GGUF_FORMATS
ADAPTER, RANK = "adapter", 4
ALL_FORMATS = (*FORMATS, ADAPTER)
LAYERS, HEADS, WIDTH, POSITIONS, VOCABULARY = 2, 2, 32, 64, 260
GGUF_WIDTH = 256  # a K-quant's block
END_TOKEN = "<|endoftext|>"


@dataclass(frozen=True, slots=True)
class Source:
    """Everything that is written: ``config`` is config.json, a GGUF's metadata or adapter_config.json."""

    format: str
    config: dict[str, Any]
    tensors: Raws
    tokens: tuple[str, ...]

    @property
    def is_gguf(self) -> bool:
        return self.format.startswith("gguf")

    def with_tensor(self, name: str, raw: Raw | None) -> "Source":
        """With one tensor replaced or, by None, left out."""
        kept = {key: value for key, value in self.tensors.items() if key != name}
        return replace(self, tensors=kept if raw is None else {**self.tensors, name: raw})


def tiny_source(format_: str) -> Source:
    """Always the same for a format."""
    random = np.random.default_rng(7)
    if format_ == ADAPTER:
        return _tiny_adapter(random)
    if format_.startswith("gguf"):
        return _tiny_llama(format_, random)
    dtype = {"safetensors": "F32", "safetensors shards": "BF16", "bin": "F32", "bin shards": "F16"}[format_]
    shapes: dict[str, tuple[int, ...]] = {
        "transformer.wte.weight": (VOCABULARY, WIDTH),
        "transformer.ln_f.weight": (WIDTH,),
        "transformer.ln_f.bias": (WIDTH,),
        "lm_head.weight": (VOCABULARY, WIDTH),
        "lm_head.bias": (VOCABULARY,),
    }
    for layer in range(LAYERS):
        at = f"transformer.h.{layer}."
        shapes |= {at + f"attn.{name}_proj.weight": (WIDTH, WIDTH) for name in ("q", "k", "v", "out")}
        shapes |= {at + "ln_1.weight": (WIDTH,), at + "ln_1.bias": (WIDTH,)}
        shapes |= {at + "mlp.fc_in.weight": (4 * WIDTH, WIDTH), at + "mlp.fc_in.bias": (4 * WIDTH,)}
        shapes |= {at + "mlp.fc_out.weight": (WIDTH, 4 * WIDTH), at + "mlp.fc_out.bias": (WIDTH,)}
    config = {
        "model_type": "gptj",
        "architectures": ["GPTJForCausalLM"],
        "n_layer": LAYERS,
        "n_head": HEADS,
        "n_embd": WIDTH,
        "n_positions": POSITIONS,
        "rotary_dim": 8,
        "vocab_size": VOCABULARY,
        "activation_function": "gelu_new",
        "layer_norm_epsilon": 1e-5,
    }
    tensors = {name: raw_from_array(_normal(random, shape), dtype) for name, shape in shapes.items()}
    return Source(format_, config, tensors, (*_alphabet(), END_TOKEN))


def write_source(source: Source, folder: Path) -> Path:
    """Write it into ``folder``, which exists, and return its path; an adapter's base lies beside."""
    if source.format == ADAPTER:
        write_source(tiny_source(FOLDER_FORMATS[0]), folder)
        root = folder / ADAPTER
        root.mkdir()
        (root / "adapter_config.json").write_text(json.dumps(source.config, indent=1), encoding="utf-8")
        _write_file(root / "adapter_model.safetensors", source.tensors)
        return root
    if source.is_gguf:
        return write_gguf(source, folder / "tiny.gguf")
    root = folder / "source"
    root.mkdir()
    (root / "config.json").write_text(json.dumps(source.config, indent=1), encoding="utf-8")
    (root / "tokenizer.json").write_text(_tokenizer_json(source.tokens), encoding="utf-8")
    (root / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "GPT2Tokenizer", "bos_token": END_TOKEN, "eos_token": END_TOKEN})
    )
    write_weights(source.format, source.tensors, root)
    return root


def write_weights(format_: str, tensors: Raws, root: Path) -> None:
    """The weights of a Hugging Face folder, in one file or two shards and their index."""
    stem, suffix = ("model", "safetensors") if format_.startswith("safetensors") else ("pytorch_model", "bin")
    if not format_.endswith("shards"):
        _write_file(root / f"{stem}.{suffix}", tensors)
        return
    weight_map: dict[str, str] = {}
    names = list(tensors)
    for number, part in enumerate((names[: len(names) // 2], names[len(names) // 2 :]), start=1):
        shard = f"{stem}-{number:05}-of-00002.{suffix}"
        weight_map |= dict.fromkeys(part, shard)
        _write_file(root / shard, {name: tensors[name] for name in part})
    index = {"metadata": {"total_size": sum(len(t.data) for t in tensors.values())}, "weight_map": weight_map}
    (root / f"{stem}.{suffix}.index.json").write_text(json.dumps(index), encoding="utf-8")


def write_gguf(source: Source, path: Path) -> Path:
    """Metadata of lists of strings and numbers become GGUF arrays."""
    from gguf import GGUFWriter
    from gguf.constants import GGMLQuantizationType

    writer = GGUFWriter(path, source.config.get("general.architecture", "llama"))
    for key, value in source.config.items():
        if key == "general.architecture":
            continue
        if isinstance(value, str):
            writer.add_string(key, value)
        elif isinstance(value, float):
            writer.add_float32(key, value)
        else:
            writer.add_uint32(key, value)
    writer.add_token_list(list(source.tokens))
    writer.add_token_types([1] * (len(source.tokens) - 1) + [3])
    writer.add_token_merges(['! "'])
    writer.add_eos_token_id(len(source.tokens) - 1)
    for name, raw in source.tensors.items():
        data = np.frombuffer(raw.data, np.uint8).reshape(*raw.shape[:-1], -1)
        writer.add_tensor(name, data, raw_dtype=GGMLQuantizationType[raw.dtype])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _write_file(path: Path, tensors: Raws) -> None:
    if path.suffix == ".safetensors":
        path.write_bytes(safetensors_bytes(tensors))
    else:
        write_torch(path, tensors)


def _tiny_adapter(random: np.random.Generator) -> Source:
    tensors = {}
    for layer in range(LAYERS):
        for name, width in (("attn.q_proj", WIDTH), ("attn.v_proj", WIDTH), ("mlp.fc_in", 4 * WIDTH)):
            at = f"base_model.model.transformer.h.{layer}.{name}.lora_"
            tensors[f"{at}A.weight"] = raw_from_array(_normal(random, (RANK, WIDTH)))
            tensors[f"{at}B.weight"] = raw_from_array(_normal(random, (width, RANK)))
    config = {
        "peft_type": "LORA", "r": RANK, "lora_alpha": 8, "bias": "none",
        "target_modules": ["q_proj", "v_proj", "fc_in"],
    }  # fmt: skip
    return Source(ADAPTER, config, tensors, ())


def _tiny_llama(format_: str, random: np.random.Generator) -> Source:
    type_ = format_.removeprefix("gguf ").upper()
    tokens = (*_alphabet(), '!"', "<|im_end|>")
    square = (GGUF_WIDTH, GGUF_WIDTH)
    matrices = {"token_embd": (len(tokens), GGUF_WIDTH)} | {
        f"blk.0.{name}": square
        for name in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
    }
    tensors = {f"{name}.weight": _gguf_raw(_normal(random, shape), type_) for name, shape in matrices.items()}
    for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        tensors[f"{name}.weight"] = raw_from_array(_normal(random, (GGUF_WIDTH,)))
    config: dict[str, Any] = {
        "general.architecture": "llama",
        "llama.context_length": POSITIONS,
        "llama.embedding_length": GGUF_WIDTH,
        "llama.block_count": 1,
        "llama.feed_forward_length": GGUF_WIDTH,
        "llama.attention.head_count": 4,
        "llama.attention.head_count_kv": 4,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "llama.rope.freq_base": 10000.0,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "smollm",
    }
    return Source(format_, config, tensors, tokens)


def _gguf_raw(array: npt.NDArray[np.float32], type_: str) -> Raw:
    """K-quants cannot be made by the gguf package: theirs are random blocks with small scales."""
    from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType
    from gguf.quants import quantize

    if not type_.endswith("_K"):
        return Raw(type_, array.shape, quantize(array, GGMLQuantizationType[type_]).tobytes())
    values, block_bytes = GGML_QUANT_SIZES[GGMLQuantizationType[type_]]
    blocks = np.abs(array.view(np.uint8).reshape(-1)[: array.size // values * block_bytes])
    blocks = blocks.reshape(-1, block_bytes).copy()
    blocks[:, :4] = np.array([0.01, 0.02], np.float16).view(np.uint8)
    return Raw(type_, array.shape, blocks.tobytes())


def _normal(random: np.random.Generator, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    return random.normal(0, 0.3, shape).astype(np.float32)


def _alphabet() -> list[str]:
    from tokenizers.pre_tokenizers import ByteLevel

    return sorted(ByteLevel.alphabet())


def _tokenizer_json(tokens: tuple[str, ...]) -> str:
    """Written by hand, for the tokens may be twice the same."""
    vocabulary = ",".join(f"{json.dumps(token)}:{number}" for number, token in enumerate(tokens[:-1]))
    end = {
        "id": len(tokens) - 1, "content": tokens[-1], "single_word": False, "lstrip": False, "rstrip": False,
        "normalized": False, "special": True,
    }  # fmt: skip
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return (
        '{"version":"1.0","truncation":null,"padding":null,"added_tokens":[' + json.dumps(end)
        + '],"normalizer":null,"pre_tokenizer":' + json.dumps(byte_level)
        + ',"post_processor":null,"decoder":' + json.dumps(byte_level)
        + ',"model":{"type":"BPE","vocab":{' + vocabulary + '},"merges":[]}}'
    )  # fmt: skip
