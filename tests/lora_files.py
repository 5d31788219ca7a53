"""PEFT's LoRA adapters, written by the tests without torch.

The factors are small multiples of 1/8, so that every order of summing gives the same float32 delta.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from checkpoints import gptj_config
from safetensors.numpy import save_file

Tensors = dict[str, npt.NDArray[Any]]
Pairs = dict[str, tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]

CONFIG = gptj_config()
WIDTH = CONFIG["n_embd"]
SHAPES = {"attn.q_proj": (WIDTH, WIDTH), "mlp.fc_in": (4 * WIDTH, WIDTH), "mlp.fc_out": (WIDTH, 4 * WIDTH)}
MODULES = {
    f"transformer.h.{layer}.{name}": shape
    for layer in range(CONFIG["n_layer"])
    for name, shape in SHAPES.items()
}
RANK, ALPHA = 4, 6.0
FC_IN = "transformer.h.1.mlp.fc_in"
A_OF_FC_IN = f"base_model.model.{FC_IN}.lora_A.weight"


def random_pairs(modules: Mapping[str, tuple[int, int]], rank: int = RANK) -> Pairs:
    """A, [rank, inputs], and B, [outputs, rank], for modules whose weights are [outputs, inputs]."""
    random = np.random.default_rng(7)
    return {
        module: tuple(
            (random.integers(-8, 9, shape) / 8).astype(np.float32)
            for shape in ((rank, inputs), (outputs, rank))
        )
        for module, (outputs, inputs) in modules.items()
    }


def named(pairs: Pairs) -> Tensors:
    """The names that PEFT saves them by."""
    return {
        f"base_model.model.{module}.lora_{side}.weight": matrix
        for module, pair in pairs.items()
        for side, matrix in zip("AB", pair, strict=True)
    }


def write_adapter(folder: Path, tensors: Tensors, **config: Any) -> Path:
    """What ``save_pretrained`` of a PEFT model leaves, with a base model of no name."""
    folder.mkdir(exist_ok=True)
    values = {
        "peft_type": "LORA",
        "r": RANK,
        "lora_alpha": ALPHA,
        "target_modules": sorted({name.split(".lora_")[0].rpartition(".")[2] for name in tensors}),
        "bias": "none",
        "megatron_core": "megatron.core",
        "init_lora_weights": True,
    }
    (folder / "adapter_config.json").write_text(json.dumps(values | config))
    save_file(tensors, folder / "adapter_model.safetensors")
    return folder
