"""Causal attention with rotary positions, in numpy, a sequence at a time."""

from collections.abc import Sequence

import numpy as np

from ..checkpoint import FloatRows
from .decoder import Decoder


def attend(decoder: Decoder, fused: FloatRows, lengths: Sequence[int]) -> FloatRows:
    """What each token gathers: [tokens, heads · head_rows].

    ``fused`` is [tokens, queries + keys + values], the sequences one after the other, each as long as
    ``lengths`` says. Rotary rows of a head lie as halves (``rotary_interleave=False``).
    """
    queries, keys = decoder.heads * decoder.head_rows, decoder.kv_heads * decoder.head_rows
    out = np.empty((len(fused), queries), np.float32)
    start = 0
    for length in lengths:
        rows = slice(start, start + length)
        start += length
        q = _by_head(fused[rows, :queries], decoder.heads)
        k = _by_head(fused[rows, queries : queries + keys], decoder.kv_heads)
        v = _by_head(fused[rows, queries + keys :], decoder.kv_heads)
        cosine, sine = _angles(decoder, length)
        q, k = _rotated(q, cosine, sine), _rotated(k, cosine, sine)
        future = np.triu(np.full((length, length), -np.inf, np.float32), 1)
        shared = decoder.heads // decoder.kv_heads
        for head in range(decoder.heads):
            scores = q[head] @ k[head // shared].T
            scores *= np.float32(decoder.head_rows**-0.5)
            scores += future
            scores -= scores.max(axis=1, keepdims=True)
            np.exp(scores, out=scores)
            scores /= scores.sum(axis=1, keepdims=True)
            columns = slice(head * decoder.head_rows, (head + 1) * decoder.head_rows)
            out[rows, columns] = scores @ v[head // shared]
    return out


def _by_head(rows: FloatRows, heads: int) -> FloatRows:
    """[tokens, heads · head_rows] as [heads, tokens, head_rows]."""
    return np.ascontiguousarray(rows.reshape(len(rows), heads, -1).transpose(1, 0, 2))


def _angles(decoder: Decoder, length: int) -> tuple[FloatRows, FloatRows]:
    """Cosine and sine, [length, rotary_dim / 2]. Su et al. 2021, https://arxiv.org/abs/2104.09864."""
    frequencies = decoder.rotary_base ** (-np.arange(0, decoder.rotary_dim, 2) / decoder.rotary_dim)
    angles = np.arange(length)[:, None] * frequencies
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def _rotated(heads: FloatRows, cosine: FloatRows, sine: FloatRows) -> FloatRows:
    half = cosine.shape[1]
    first, second = heads[..., :half], heads[..., half : 2 * half]
    turned = heads.copy()
    turned[..., :half] = first * cosine - second * sine
    turned[..., half : 2 * half] = second * cosine + first * sine
    return turned
