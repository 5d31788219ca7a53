"""GPT-J's forward pass in numpy, float32: what any conversion has to compute, for any shape.

Written from the model's definition (parallel attention and feed-forward behind one layer norm, interleaved
rotary pairs on the first ``rotary_dim`` dimensions of each head), not from an implementation's weight layout.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class GptjShape:
    """The numbers of a GPT-J configuration that its forward pass depends on."""

    layers: int
    heads: int
    rotary_dim: int
    epsilon: float = 1e-5


def gptj_logits(shape: GptjShape, tensors: Mapping[str, Array], ids: Sequence[int]) -> Array:
    """Logits of every position, [len(ids), vocabulary]; ``tensors`` has Hugging Face's names."""
    hidden = tensors["transformer.wte.weight"][list(ids)]
    for layer in range(shape.layers):
        weights = _under(f"transformer.h.{layer}.", tensors)
        normed = _layer_norm(hidden, weights["ln_1.weight"], weights["ln_1.bias"], shape.epsilon)
        hidden = hidden + _attention(shape, weights, normed) + _feed_forward(weights, normed)
    final = _layer_norm(
        hidden, tensors["transformer.ln_f.weight"], tensors["transformer.ln_f.bias"], shape.epsilon
    )
    return final @ tensors["lm_head.weight"].T + tensors["lm_head.bias"]


def _attention(shape: GptjShape, weights: Mapping[str, Array], x: Array) -> Array:
    def heads(name: str) -> Array:
        return (x @ weights[f"attn.{name}.weight"].T).reshape(len(x), shape.heads, -1).swapaxes(0, 1)

    q, k, v = (
        _rotate(heads("q_proj"), shape.rotary_dim),
        _rotate(heads("k_proj"), shape.rotary_dim),
        heads("v_proj"),
    )
    scores = q @ k.swapaxes(1, 2) / np.sqrt(np.float32(q.shape[-1]))
    scores = np.where(np.tri(len(x), dtype=bool), scores, np.float32(-np.inf))
    chances = np.exp(scores - scores.max(-1, keepdims=True))
    mixed = chances / chances.sum(-1, keepdims=True) @ v
    return mixed.swapaxes(0, 1).reshape(len(x), -1) @ weights["attn.out_proj.weight"].T


def _rotate(x: Array, rotary_dim: int) -> Array:
    """Turn each pair (2i, 2i+1) of the first ``rotary_dim`` numbers by position · 10000^(-2i/rotary_dim)."""
    angles = np.arange(x.shape[1])[:, None] / 10000 ** (np.arange(0, rotary_dim, 2) / rotary_dim)
    cos, sin = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
    even, odd = x[..., 0:rotary_dim:2], x[..., 1:rotary_dim:2]
    out = x.copy()
    out[..., 0:rotary_dim:2], out[..., 1:rotary_dim:2] = even * cos - odd * sin, odd * cos + even * sin
    return out


def _feed_forward(weights: Mapping[str, Array], x: Array) -> Array:
    inner = x @ weights["mlp.fc_in.weight"].T + weights["mlp.fc_in.bias"]
    gelu = (
        0.5
        * inner
        * (1 + np.tanh(np.float32(np.sqrt(2 / np.pi)) * (inner + np.float32(0.044715) * inner**3)))
    )
    return gelu @ weights["mlp.fc_out.weight"].T + weights["mlp.fc_out.bias"]


def _layer_norm(x: Array, weight: Array, bias: Array, epsilon: float) -> Array:
    centered = x - x.mean(-1, keepdims=True)
    return centered / np.sqrt((centered**2).mean(-1, keepdims=True) + np.float32(epsilon)) * weight + bias


def _under(prefix: str, tensors: Mapping[str, Array]) -> dict[str, Array]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
