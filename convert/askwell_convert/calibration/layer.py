"""One layer computed in numpy: where its matrices meet their inputs is left to the caller."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from ..checkpoint import FloatRows
from .attention import attend
from .decoder import Decoder


class Multiply(Protocol):
    """Computes one linear layer or several on the same inputs, bias included."""

    def __call__(self, names: Sequence[str], inputs: FloatRows) -> list[FloatRows]: ...


class Norm(Protocol):
    """One of the layer's norms, with its gain and bias if it still has them."""

    def __call__(self, name: str, hidden: FloatRows) -> FloatRows: ...


def run_layer(
    decoder: Decoder, hidden: FloatRows, lengths: Sequence[int], norm: Norm, multiply: Multiply
) -> None:
    """Add to ``hidden`` [tokens, width] what the layer adds to it."""
    if decoder.parallel:
        fused, inner = multiply(("qkv", "up"), norm("shared_layer_norm", hidden))
        (gathered,) = multiply(("out",), attend(decoder, fused, lengths))
        hidden += gathered
        hidden += multiply(("down",), decoder.activation(inner))[0]
        return
    (fused,) = multiply(("qkv",), norm("self_attention/layer_norm", hidden))
    hidden += multiply(("out",), attend(decoder, fused, lengths))[0]
    gate, up = multiply(("gate", "up"), norm("ffn/layer_norm", hidden))
    hidden += multiply(("down",), decoder.activation(gate) * up)[0]


def normalized(decoder: Decoder, hidden: FloatRows) -> FloatRows:
    """Layer norm or RMS norm without gain and bias."""
    if decoder.parallel:
        hidden = hidden - hidden.mean(axis=1, keepdims=True)
    square = np.mean(hidden * hidden, axis=1, keepdims=True)
    out: FloatRows = hidden / np.sqrt(square + np.float32(decoder.epsilon))
    return out
