"""The adapter on the model, and in the files of PEFT that ``askwell-convert --adapter`` takes."""

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .base_model import Base
from .config import Adapter
from .errors import FinetuneError
from .folder import whole_folder

_LLAMA = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
TARGETS = {
    "gptj": ("q_proj", "k_proj", "v_proj", "out_proj", "fc_in", "fc_out"),
    "llama": _LLAMA,
    "mistral": _LLAMA,
    "qwen2": _LLAMA,
}
"""Every linear layer of a block, by architecture: each counts (https://arxiv.org/abs/2305.14314)."""


def add_adapter(model: Any, base: Base, adapter: Adapter, seed: int) -> Any:
    """``model`` as a PeftModel: its delta is 0 at first, its adapter float32 and alone in being trained."""
    import peft
    import torch

    targets = adapter.targets or TARGETS.get(base.source.plan.architecture)
    if targets is None:
        raise FinetuneError(
            f"adapter.targets must name the linear layers of a {base.source.plan.architecture} model; "
            f"known without it are {', '.join(TARGETS)}"
        )
    config = peft.LoraConfig(
        r=adapter.rank,
        lora_alpha=adapter.alpha,
        lora_dropout=adapter.dropout,
        target_modules=list(targets),
        base_model_name_or_path=base.label,
        task_type="CAUSAL_LM",
    )
    torch.manual_seed(seed)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the base is renamed back below
            adapted = peft.get_peft_model(model, config)
    except ValueError as error:
        raise FinetuneError(f"{base.label} takes no such adapter: {' '.join(str(error).split())}") from None
    config.base_model_name_or_path = base.label  # peft puts the path that the model was loaded from
    for weight in adapted.parameters():
        if weight.requires_grad:
            weight.data = weight.data.float()
    return adapted


def continue_adapter(model: Any, base: Base, folder: Path) -> Any:
    """``model`` as a PeftModel with the adapter that a run left in ``folder``, to be trained further.

    Raises FinetuneError for an adapter of another base: its run.json beside it names the base by its sha256.
    """
    import peft

    record = folder.parent / "run.json"
    if not (folder / "adapter_config.json").is_file():
        raise FinetuneError(f"{folder} is no adapter; give the folder adapter/ of a run of askwell-finetune")
    was = json.loads(record.read_text(encoding="utf-8"))["base"] if record.is_file() else None
    if was and was["sha256"] != base.sha256:
        raise FinetuneError(f"{folder} was trained on {was['name']}, another base than this {base.label}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            adapted = peft.PeftModel.from_pretrained(model, str(folder), is_trainable=True)
    except (ValueError, RuntimeError, KeyError) as error:  # sizes that differ, files that are cut
        line = " ".join(str(error).split())[:300]
        raise FinetuneError(f"{base.label} does not take the adapter {folder}: {line}") from None
    adapted.peft_config["default"].base_model_name_or_path = base.label
    for weight in adapted.parameters():
        if weight.requires_grad:
            weight.data = weight.data.float()
    return adapted


def save_adapter(folder: Path, adapted: Any, weights: Mapping[str, Any], stored: str = "float32") -> None:
    """``folder`` with PEFT's two files; what was there is replaced when the new one is whole.

    ``weights`` are all trained tensors by their names in ``adapted``; ``stored`` is their type in the file.
    """
    with whole_folder(folder) as part:
        _write_adapter(part, adapted, weights, stored)


def _write_adapter(part: Path, adapted: Any, weights: Mapping[str, Any], stored: str) -> None:
    import peft
    import torch
    from safetensors.torch import save

    config = adapted.peft_config["default"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of embeddings, which no adapter of ours changes
        named = peft.get_peft_model_state_dict(adapted, state_dict=dict(weights), save_embedding_layers=False)
    tensors = {name: each.to(getattr(torch, stored)).contiguous() for name, each in named.items()}
    (part / "adapter_model.safetensors").write_bytes(save(tensors, {"format": "pt"}))
    training, config.inference_mode = config.inference_mode, True
    config.save_pretrained(str(part))
    config.inference_mode = training
    told = json.loads((part / "adapter_config.json").read_text(encoding="utf-8"))
    told["target_modules"].sort()  # a set, which Python gives in another order each time
    (part / "adapter_config.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
