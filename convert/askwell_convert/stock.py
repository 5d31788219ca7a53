"""Architectures with no mapping here: read by ctranslate2's own converter, then converted as every other.

Its loaders need torch and the whole model in memory. They fill a specification with tensors; these become the
checkpoint, so that quantization, checks and manifest are ours.
"""

import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from ctranslate2.specs import TransformerDecoderModelSpec
from ctranslate2.specs.model_spec import visit_spec

from .checkpoint import FloatRows, TensorInfo
from .errors import ConvertError
from .plan import Part, Plan
from .settings import Settings
from .source import Source
from .tokenizer import SourceTokenizer

# The decoders among ctranslate2's loaders that read transformers 5, by model_type; others cannot be served.
STOCK = ("bloom", "codegen", "falcon", "gemma", "gemma2", "gemma3_text", "gpt_bigcode", "opt", "qwen3")
POSITIONS = ("max_position_embeddings", "n_positions", "seq_length")
UNSAID_POSITIONS = 2048  # of Bloom and Falcon, whose ALiBi or rotary tables have no end of their own
NOTHING = re.compile(r"(?!)")


def open_stock(
    folder: Path,
    architecture: str,
    config: Mapping[str, Any],
    tokenizer: SourceTokenizer,
    *,
    label: str,
    revision: str | None,
) -> Source:
    """Raises ConvertError without torch, and for a folder that the library cannot read whole."""
    spec = _loaded(folder, architecture)
    tensors: dict[str, Any] = {}
    aliases: dict[str, str] = {}
    same: dict[tuple[object, ...], str] = {}

    def collect(layer: Any, path: str, value: Any) -> None:
        if not hasattr(value, "data_ptr") or not value.is_floating_point() or value.ndim == 0:
            return
        first = same.setdefault((value.data_ptr(), value.shape, value.stride(), value.dtype), path)
        if first == path:
            tensors[path] = value.detach()
        else:
            aliases[path] = first
        setattr(layer, path.rpartition("/")[2], None)

    visit_spec(spec, collect)
    plan = Plan(
        architecture=architecture,
        positions=Settings(config, "config.json").count(
            next((key for key in POSITIONS if key in config), POSITIONS[0]), UNSAID_POSITIONS
        ),
        vocabulary_size=len(tensors["decoder/embeddings/weight"]),
        spec=spec,
        weights={path: (Part(path, tuple(tensor.shape)),) for path, tensor in tensors.items()},
        aliases=aliases,
        layer_norm_epsilon=spec.config.layer_norm_epsilon,
        buffers=NOTHING,
        padding_token="<extra_id_{}>",
    )
    return Source(label, revision, plan, TorchCheckpoint(tensors), tokenizer)


class TorchCheckpoint:
    """Tensors of torch in memory."""

    def __init__(self, tensors: Mapping[str, Any]) -> None:
        self._tensors = tensors

    @property
    def tensors(self) -> Mapping[str, TensorInfo]:
        return {
            name: TensorInfo(tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."), readable=True)
            for name, tensor in self._tensors.items()
        }

    def read_rows(self, name: str, start: int, out: FloatRows) -> None:
        np.copyto(out, self._tensors[name][start : start + len(out)].float().numpy())

    def close(self) -> None:
        self._tensors = {}


def _loaded(folder: Path, architecture: str) -> TransformerDecoderModelSpec:
    """The specification that ctranslate2's loader fills, with every weight from the checkpoint."""
    try:
        import_module("torch")
        transformers: Any = import_module("transformers")
    except ModuleNotFoundError:
        raise ConvertError(
            f"{folder} holds a {architecture!r} model, which is converted with torch: "
            "pip install 'askwell[torch]'"
        ) from None
    from ctranslate2.converters import TransformersConverter

    class WholeModelConverter(TransformersConverter):  # type: ignore[misc]  # ctranslate2 is untyped
        """transformers only warns of missing weights, and fills them with random ones."""

        def load_model(self, model_class: Any, name: str, **options: Any) -> Any:
            model, info = model_class.from_pretrained(
                name, output_loading_info=True, local_files_only=True, **options
            )
            for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
                if keys := sorted(map(str, info[kind])):
                    raise ConvertError(f"{folder} has {kind.replace('_keys', '')} weights: {keys[0]}")
            return model

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        spec = WholeModelConverter(str(folder))._load()
    except (ConvertError, MemoryError):
        raise
    except Exception as error:  # of torch, transformers, safetensors and ctranslate2, each with its own kinds
        reason = str(error).strip().partition("\n")[0]
        raise ConvertError(f"ctranslate2's own converter cannot read {folder}: {reason}") from None
    if not isinstance(spec, TransformerDecoderModelSpec):
        raise ConvertError(
            f"{folder} holds a {architecture!r} model, which does not generate text as a decoder"
        )
    return spec
