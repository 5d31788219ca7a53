"""Opening a Hugging Face folder."""

import json
import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from .bert import bert_plan
from .errors import ConvertError
from .folder_tokenizer import read_folder_tokenizer
from .gpt2 import gpt2_plan
from .gpt_neox import gpt_neox_plan
from .gptj import gptj_plan
from .llama import llama_plan
from .llama_shape import llama_shape_from_config
from .plan import Plan
from .safetensors_header import read_safetensors
from .settings import Settings
from .source import Source, file_name
from .source_text import read_source_text
from .stock import STOCK, open_stock
from .stored import StoredCheckpoint, StoredTensor
from .torch_zip import read_torch_zip

# In order of preference: a folder with both formats is read as safetensors.
WEIGHTS = (("model.safetensors", read_safetensors), ("pytorch_model.bin", read_torch_zip))
READ_SUFFIXES = (".json", ".jinja", ".txt", ".model", ".safetensors", ".bin")


def _llama(config: Settings, names: Collection[str]) -> Plan:
    return llama_plan(llama_shape_from_config(config), name=str)


# By model_type; ``names`` are the checkpoint's tensors, where versions differ in them.
PLANS: dict[str, Callable[[Settings, Collection[str]], Plan]] = {
    "gptj": gptj_plan,
    "gpt_neox": gpt_neox_plan,
    "gpt2": gpt2_plan,
    "llama": _llama,
    "mistral": _llama,
    "qwen2": _llama,
    "bert": bert_plan,
}


def open_folder(folder: Path, *, label: str | None = None, revision: str | None = None) -> Source:
    """Raises ConvertError for a folder that lacks something or whose model is not known here."""
    check_links(folder)
    config = known_config(folder, label or str(folder))
    architecture = config["model_type"]
    label = label or file_name(folder.resolve())
    stored = _stored_tensors(folder)
    if architecture in STOCK:  # whose own reader then meets no file that ours would refuse
        tokenizer = read_folder_tokenizer(folder, config)
        return open_stock(folder, architecture, config, tokenizer, label=label, revision=revision)
    plan = PLANS[architecture](Settings(config, "config.json"), stored.keys())
    tokenizer = read_folder_tokenizer(folder, config)
    return Source(label, revision, plan, StoredCheckpoint(stored), tokenizer)


def known_config(folder: Path, where: str) -> dict[str, Any]:
    """The folder's config.json. Raises ConvertError for what cannot be converted whatever its weights."""
    config = read_json(folder / "config.json")
    architecture = config.get("model_type")
    if config.get("quantization_config"):
        raise ConvertError(f"{where} holds weights that are quantized already; convert the original model")
    if not isinstance(architecture, str) or architecture not in (*PLANS, *STOCK):
        raise ConvertError(
            f"{where} holds a {architecture!r} model; what can be converted are Hugging Face folders of "
            f"{', '.join(PLANS)}, with the extra torch {', '.join(STOCK)}, and GGUF files of llama and qwen2"
        )
    if architecture in PLANS:
        PLANS[architecture](Settings(config, "config.json"), ())
    return config


def read_json(path: Path) -> dict[str, Any]:
    """Raises ConvertError when the file is missing or holds no JSON object."""
    try:
        data = json.loads(read_source_text(path))
    except FileNotFoundError:
        raise ConvertError(f"{path.parent} has no {path.name}; is it a Hugging Face model folder?") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ConvertError(f"cannot read {path}: {error}") from None
    if not isinstance(data, dict):
        raise ConvertError(f"{path} holds no JSON object")
    return data


def check_links(folder: Path) -> None:
    """Raises ConvertError for a link out of the folder: someone else's folder must not name our files.

    The hub's own cache links a snapshot's files to the ``blobs`` beside the ``snapshots``.
    """
    home = folder.resolve()
    allowed = [home]
    if home.parent.name == "snapshots":
        allowed.append(home.parent.parent / "blobs")
    for path in folder.iterdir():
        if path.is_symlink() and path.suffix in READ_SUFFIXES:
            try:
                target = path.resolve()
            except (OSError, RuntimeError):  # a link to itself
                target = Path()
            if not any(target.is_relative_to(place) for place in allowed):
                raise ConvertError(f"{path} is a link out of its folder; put the file itself there")


def _stored_tensors(folder: Path) -> dict[str, StoredTensor]:
    for name, read in WEIGHTS:
        index = folder / f"{name}.index.json"
        try:
            if (folder / name).is_file():
                return read(folder / name)
            if index.is_file():
                return _sharded(folder, index, read)
        except OSError as error:
            raise ConvertError(f"cannot read the weights in {folder}: {error}") from None
    raise ConvertError(
        f"{folder} has no weights: none of {', '.join(name for name, _ in WEIGHTS)} or their shards"
    )


def _sharded(folder: Path, index: Path, read: Any) -> dict[str, StoredTensor]:
    weight_map = read_json(index).get("weight_map")
    if not isinstance(weight_map, dict) or not all(isinstance(shard, str) for shard in weight_map.values()):
        raise ConvertError(f"{index} has no weight_map from tensors to shards")
    stored: dict[str, StoredTensor] = {}
    for shard in sorted(set(weight_map.values())):
        if not re.fullmatch(r"[\w.-]+", shard) or not shard.endswith(READ_SUFFIXES):
            raise ConvertError(f"{index} names {shard!r} as a shard, which is no plain file name")
        if not (folder / shard).is_file():
            raise ConvertError(f"{folder} lacks the shard {shard}; fetch it")
        for name, tensor in read(folder / shard).items():
            if weight_map.get(name) != shard:
                raise ConvertError(f"{shard} holds tensor {name}, which {index.name} does not place there")
            stored[name] = tensor
    if missing := weight_map.keys() - stored.keys():
        raise ConvertError(
            f"{index.name} names tensor {min(missing)}, which {weight_map[min(missing)]} lacks"
        )
    return stored
