"""Checkpoints of any shape, written by the tests: GPT-J folders in each format, without torch."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from askwell_bench.mutants.raw import Raw, write_torch
from safetensors.numpy import save_file

TINY_GPTJ = Path(__file__).parent / "data" / "tiny-gptj"
TINY_GPTJ_REFERENCE = Path(__file__).parent / "data" / "tiny-gptj-reference.npz"
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")
DTYPES = {"float32": "F32", "float16": "F16", "bool": "BOOL", "uint8": "U8"}

Tensors = Mapping[str, npt.NDArray[Any]]


def gptj_config(**changes: Any) -> dict[str, Any]:
    """The tiny model's config.json with ``changes``; a change to None removes the key."""
    config = {**json.loads((TINY_GPTJ / "config.json").read_text()), **changes}
    return {key: value for key, value in config.items() if value is not None}


def random_gptj(config: Mapping[str, Any], seed: int = 0) -> dict[str, npt.NDArray[np.float32]]:
    """Random float32 weights for a configuration, large enough that every part shows in the logits."""
    random = np.random.default_rng(seed)
    width, rows = config["n_embd"], config["vocab_size"]
    inner = config.get("n_inner") or 4 * width
    shapes: dict[str, tuple[int, ...]] = {
        "transformer.wte.weight": (rows, width),
        "transformer.ln_f.weight": (width,),
        "transformer.ln_f.bias": (width,),
        "lm_head.weight": (rows, width),
        "lm_head.bias": (rows,),
    }
    for layer in range(config["n_layer"]):
        at = f"transformer.h.{layer}."
        shapes |= {at + f"attn.{name}_proj.weight": (width, width) for name in ("q", "k", "v", "out")}
        shapes |= {at + "ln_1.weight": (width,), at + "ln_1.bias": (width,)}
        shapes |= {at + "mlp.fc_in.weight": (inner, width), at + "mlp.fc_in.bias": (inner,)}
        shapes |= {at + "mlp.fc_out.weight": (width, inner), at + "mlp.fc_out.bias": (width,)}
    return {name: random.normal(0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}


def gptj_folder(folder: Path, config: Mapping[str, Any], tensors: Tensors | None = None) -> Path:
    """A Hugging Face folder with the tiny model's tokenizer; ``tensors`` go to model.safetensors."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in TOKENIZER_FILES:
        shutil.copy(TINY_GPTJ / name, folder)
    (folder / "config.json").write_text(json.dumps(config))
    if tensors is not None:
        save_file(dict(tensors), folder / "model.safetensors")
    return folder


def write_shards(folder: Path, parts: list[Tensors], stem: str, suffix: str) -> None:
    """Each of ``parts`` to a shard of its own, and the index that names them."""
    weight_map = {}
    for number, tensors in enumerate(parts, start=1):
        shard = f"{stem}-{number:05}-of-{len(parts):05}.{suffix}"
        weight_map |= dict.fromkeys(tensors, shard)
        if suffix == "safetensors":
            save_file(dict(tensors), folder / shard)
        else:
            write_torch_zip(folder / shard, tensors)
    (folder / f"{stem}.{suffix}.index.json").write_text(
        json.dumps({"metadata": {}, "weight_map": weight_map})
    )


def write_torch_zip(path: Path, tensors: Tensors) -> None:
    """What ``torch.save`` writes for a state dictionary."""
    raws = {
        name: Raw(DTYPES[tensor.dtype.name], tensor.shape, np.ascontiguousarray(tensor).tobytes())
        for name, tensor in tensors.items()
    }
    write_torch(path, raws)
