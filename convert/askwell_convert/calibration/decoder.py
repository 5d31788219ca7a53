"""What a plan's specification says of the decoder, as numpy needs it to compute the model itself."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from askwell_manifest import ENCODERS
from ctranslate2.specs.common_spec import Activation

from ..checkpoint import FloatRows
from ..errors import ConvertError
from ..plan import Plan

_EPSILON = 1e-5  # ctranslate2's own, where a plan says nothing


def _gelu_tanh(x: FloatRows) -> FloatRows:
    inner = np.float32(math.sqrt(2 / math.pi)) * (x + np.float32(0.044715) * x * x * x)
    out: FloatRows = np.float32(0.5) * x * (1 + np.tanh(inner))
    return out


def _swish(x: FloatRows) -> FloatRows:
    out: FloatRows = x / (1 + np.exp(-np.maximum(x, np.float32(-80))))
    return out


def _relu(x: FloatRows) -> FloatRows:
    return np.maximum(x, 0)


_ACTIVATIONS = {Activation.GELUTanh: _gelu_tanh, Activation.SWISH: _swish, Activation.RELU: _relu}


@dataclass(frozen=True, slots=True)
class Decoder:
    """A decoder of GPT-J's form (``parallel``: attention and feed-forward side by side on one layer norm)
    or of Llama's (one after the other, gated feed-forward, RMS norms).

    ``paths`` gives the variable scope of each matrix of a layer by its short name.
    """

    layers: int
    width: int
    heads: int
    kv_heads: int
    head_rows: int
    rotary_dim: int
    rotary_base: float
    epsilon: float
    parallel: bool
    activation: Callable[[FloatRows], FloatRows]
    paths: dict[str, str]


_GPTJ = {
    "qkv": "self_attention/linear_0",
    "out": "self_attention/linear_1",
    "up": "ffn/linear_0",
    "down": "ffn/linear_1",
}
_LLAMA = {**_GPTJ, "gate": "ffn/linear_0", "up": "ffn/linear_0_noact"}


def decoder_of(plan: Plan) -> Decoder:
    """Raises ConvertError for a model of another form."""
    if plan.architecture in ENCODERS:
        raise ConvertError(f"a {plan.architecture} model is an encoder; what is computed here are decoders")
    weights, spec = plan.weights, plan.spec.decoder
    first = "decoder/layer_0/"
    parallel = first + "shared_layer_norm/gamma" in weights
    gated = first + "ffn/linear_0_noact/weight" in weights
    attention = spec.layer[0].self_attention
    activation = _ACTIVATIONS.get(Activation(int(spec.activation)))
    # Everything that a layer of these two forms has; anything else would be left out of the computation.
    known = {
        f"{path}/{kind}" for path in (_GPTJ if parallel else _LLAMA).values() for kind in ("weight", "bias")
    }
    norms = ("shared_layer_norm",) if parallel else ("self_attention/layer_norm", "ffn/layer_norm")
    known |= {f"{norm}/{kind}" for norm in norms for kind in (("gamma", "beta") if parallel else ("gamma",))}
    found = {path.removeprefix(first) for path in weights if path.startswith(first)}
    if (
        parallel == gated
        or found - known
        or activation is None
        or getattr(attention, "rotary_dim", None) is None
        or attention.rotary_interleave
        or hasattr(attention, "rotary_scaling_type")
        or hasattr(attention, "sliding_window")
        or spec.scale_embeddings  # Gemma's, whose norms also add one to their gains
    ):
        raise ConvertError(
            f"a {plan.architecture} model cannot be computed without its own library; "
            "models of GPT-J's and Llama's form can"
        )
    width = weights[first + "self_attention/linear_1/weight"][0].shape[0]
    heads = int(spec.num_heads)
    head_rows = int(getattr(attention, "head_dim", width // heads))
    return Decoder(
        layers=len(spec.layer),
        width=width,
        heads=heads,
        kv_heads=int(getattr(attention, "num_heads_kv", heads)),
        head_rows=head_rows,
        rotary_dim=int(attention.rotary_dim) or head_rows,
        rotary_base=float(attention.rotary_base),
        epsilon=plan.layer_norm_epsilon or _EPSILON,
        parallel=parallel,
        activation=activation,
        paths=_GPTJ if parallel else _LLAMA,
    )
