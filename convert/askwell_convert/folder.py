"""Opening a Hugging Face folder."""

import json
import os
import re
from pathlib import Path
from typing import Any

from .errors import ConvertError
from .folder_tokenizer import read_folder_tokenizer
from .gptj import gptj_plan
from .safetensors_header import read_safetensors
from .settings import Settings
from .source import Source
from .stored import StoredCheckpoint, StoredTensor
from .torch_zip import read_torch_zip

# In order of preference: a folder with both formats is read as safetensors.
WEIGHTS = (("model.safetensors", read_safetensors), ("pytorch_model.bin", read_torch_zip))
PLANS = {"gptj": gptj_plan}


def open_folder(folder: Path, *, label: str | None = None, revision: str | None = None) -> Source:
    """Raises ConvertError for a folder that lacks something or whose model is not known here."""
    config = read_json(folder / "config.json")
    architecture = config.get("model_type")
    if not isinstance(architecture, str) or architecture not in PLANS:
        raise ConvertError(
            f"{folder} holds a {architecture!r} model; what can be converted are Hugging Face folders of "
            f"{', '.join(PLANS)}, and GGUF files of llama"
        )
    plan = PLANS[architecture](Settings(config, "config.json"))
    checkpoint = StoredCheckpoint(_stored_tensors(folder))
    try:
        tokenizer = read_folder_tokenizer(folder, config)
    except BaseException:
        checkpoint.close()
        raise
    own_label = os.fsencode(folder.resolve().name).decode(errors="replace")  # the manifest is UTF-8
    return Source(label or own_label, revision, plan, checkpoint, tokenizer)


def read_json(path: Path) -> dict[str, Any]:
    """Raises ConvertError when the file is missing or holds no JSON object."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConvertError(f"{path.parent} has no {path.name}; is it a Hugging Face model folder?") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ConvertError(f"cannot read {path}: {error}") from None
    if not isinstance(data, dict):
        raise ConvertError(f"{path} holds no JSON object")
    return data


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
        if not re.fullmatch(r"[\w.-]+", shard):
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
