"""From a plan and a checkpoint to a specification whose variables are made when they are written."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ctranslate2.specs.model_spec import index_spec

from .checkpoint import Checkpoint
from .plan import Plan
from .tokenizer import SpecialTokens
from .variable import (
    ArrayRows,
    LazyVariable,
    Made,
    MadeInt8,
    MadeRows,
    Observer,
    OnBytes,
    PlainRows,
    QuantizedRows,
    Rows,
    StackedRows,
)


@dataclass(frozen=True, slots=True)
class Precision:
    """``quantization`` as ctranslate2 names it; ``weight_range`` is 0 where nothing is quantized."""

    quantization: str
    weight_range: int

    @property
    def float_type(self) -> str:
        """The type of everything that is not int8."""
        return self.quantization.removeprefix("int8_")


@dataclass(frozen=True, slots=True)
class Specification:
    """``spec`` is ctranslate2's, validated and lazy: ``write_model`` fills ``weight_bytes`` of it."""

    spec: Any
    vocabulary: list[str]
    weight_bytes: int


def fill_specification(
    plan: Plan,
    checkpoint: Checkpoint,
    precision: Precision,
    vocabulary: list[str],
    special: SpecialTokens,
    on_bytes: OnBytes,
    made: Mapping[str, Made] | None = None,
    observer: Observer | None = None,
) -> Specification:
    """Set every variable of the plan's specification. ``check_tensors`` must have passed.

    ``made`` holds variables by path that are not read from the checkpoint: an array goes the way of the
    checkpoint's tensors, quantized where its variable is. It may name what the plan lacks or aliases.
    ctranslate2's ``optimize`` is never called: it would read every weight, to compare and to quantize.
    """
    spec, total, made = plan.spec, 0, made or {}
    for path in {**plan.weights, **made}:
        layer, attribute = _located(spec, path)
        quantizable = bool(precision.weight_range) and hasattr(layer, attribute + "_scale")
        given = made.get(path)
        variable: LazyVariable
        if isinstance(given, MadeInt8):
            if not quantizable:
                raise ValueError(f"{path} is made of int8 and is no int8 variable")
            variable = whole = MadeRows(path, given, on_bytes)
            setattr(layer, attribute + "_scale", whole.scales)
        else:
            rows: Rows = (
                StackedRows(checkpoint, plan.weights[path]) if given is None else ArrayRows(path, given)
            )
            if quantizable:
                variable = quantized = QuantizedRows(path, rows, precision.weight_range, on_bytes, observer)
                setattr(layer, attribute + "_scale", quantized.scales)
            else:
                variable = PlainRows(rows, precision.float_type, on_bytes)
        setattr(layer, attribute, variable)
        total += variable.num_bytes()
    aliases = {path: target for path, target in plan.aliases.items() if path not in made}
    for path, target in aliases.items():  # stands in for the alias until validation has seen the shape
        layer, attribute = _located(spec, path)
        target_layer, target_attribute = _located(spec, target)
        setattr(layer, attribute, getattr(target_layer, target_attribute))

    spec.register_vocabulary(vocabulary)
    spec.config.bos_token = special.bos or special.eos
    spec.config.eos_token = special.eos
    # With a token that the vocabulary lacks, ctranslate2 would append it and read past the embedding.
    spec.config.unk_token = special.unk or special.eos
    spec.config.layer_norm_epsilon = plan.layer_norm_epsilon
    spec.validate()
    for path, target in aliases.items():
        layer, attribute = _located(spec, path)
        setattr(layer, attribute, target)
    return Specification(spec, vocabulary, total)


def _located(spec: Any, path: str) -> tuple[Any, str]:
    scope, _, attribute = path.rpartition("/")
    return index_spec(spec, scope), attribute
