"""From a plan and a checkpoint to a specification that ctranslate2 can write."""

from dataclasses import dataclass
from typing import Any

from ctranslate2.specs.model_spec import index_spec

from .checkpoint import Checkpoint
from .plan import Plan
from .tokenizer import SpecialTokens
from .variable import LazyVariable, OnBytes, PlainRows, QuantizedRows, StackedRows


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
    """``spec`` is validated and lazy: ``spec.save`` reads the checkpoint and writes ``weight_bytes``."""

    spec: Any
    weight_bytes: int


def fill_specification(
    plan: Plan,
    checkpoint: Checkpoint,
    precision: Precision,
    vocabulary: list[str],
    special: SpecialTokens,
    on_bytes: OnBytes,
) -> Specification:
    """Set every variable of the plan's specification. ``check_tensors`` must have passed.

    ctranslate2's ``optimize`` is never called: it would read every weight, to compare and to quantize.
    """
    spec, total = plan.spec, 0
    for path, parts in plan.weights.items():
        layer, attribute = _located(spec, path)
        rows = StackedRows(checkpoint, parts)
        variable: LazyVariable
        if precision.weight_range and hasattr(layer, attribute + "_scale"):
            variable = quantized = QuantizedRows(rows, precision.weight_range, on_bytes)
            setattr(layer, attribute + "_scale", quantized.scales)
        else:
            variable = PlainRows(rows, precision.float_type, on_bytes)
        setattr(layer, attribute, variable)
        total += variable.num_bytes()
    for path, target in plan.aliases.items():  # stands in for the alias until validation has seen the shape
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
    for path, target in plan.aliases.items():
        layer, attribute = _located(spec, path)
        setattr(layer, attribute, target)
    return Specification(spec, total)


def _located(spec: Any, path: str) -> tuple[Any, str]:
    scope, _, attribute = path.rpartition("/")
    return index_spec(spec, scope), attribute
