"""The model itself, computed from a checkpoint one layer at a time: what a certificate compares with."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from .calibration.decoder import Decoder, decoder_of
from .calibration.layer import normalized, run_layer
from .calibration.weights import Weights
from .checkpoint import FloatRows
from .source import Source

_MOST_LOGITS = 1 << 26  # held at once; 256 MB
_MOST_TOKENS = 2048  # that a layer computes at once: what it makes of them is larger than its weights

OnLayer = Callable[[int, int], None]
"""Called with the number of layers done and of all."""


def streamed_logits(
    source: Source, sequences: Sequence[Sequence[int]], on_layer: OnLayer | None = None
) -> Iterator[FloatRows]:
    """Each sequence's float32 logits, [tokens, vocabulary], in order. One layer is in memory at a
    time, and the hidden states of all sequences. The source's tensors must have been checked. Raises
    ConvertError for a model of a form that is not known here, or with weights that are no numbers.
    """
    decoder = decoder_of(source.plan)
    weights = Weights(source)
    lengths = [len(each) for each in sequences]
    hidden = embedded(weights, decoder, [token for each in sequences for token in each])
    for layer in range(decoder.layers):
        scope = f"decoder/layer_{layer}/"
        held = {name: _whole(weights, scope + path) for name, path in decoder.paths.items()}

        def multiply(
            names: Sequence[str],
            inputs: FloatRows,
            held: dict[str, tuple[FloatRows, FloatRows | None]] = held,
        ) -> list[FloatRows]:
            return [product(inputs, *held[name]) for name in names]

        def norm(name: str, hidden: FloatRows, scope: str = scope) -> FloatRows:
            return affine(weights, decoder, scope + name, hidden)

        for first, last in _groups(lengths, _MOST_TOKENS):
            start = sum(lengths[:first])
            group = lengths[first:last]
            run_layer(decoder, hidden[start : start + sum(group)], group, norm, multiply)
        if on_layer is not None:
            on_layer(layer + 1, decoder.layers)
    yield from _projected(source, weights, decoder, hidden, lengths)


def embedded(weights: Weights, decoder: Decoder, tokens: Sequence[int]) -> FloatRows:
    """Rows of the embedding, [tokens, width], without holding all of it."""
    ids = np.asarray(tokens)
    hidden = np.empty((len(ids), decoder.width), np.float32)
    for start, rows in weights.rows("decoder/embeddings/weight"):
        here = (ids >= start) & (ids < start + len(rows))
        hidden[here] = rows[ids[here] - start]
    return hidden if weights.turn is None else hidden @ weights.turn


def affine(weights: Weights, decoder: Decoder, name: str, hidden: FloatRows) -> FloatRows:
    """A norm with its gain and bias."""
    states = normalized(decoder, hidden) * weights.vector(name + "/gamma")
    beta = weights.vector_or_none(name + "/beta")
    return states if beta is None else states + beta


def product(inputs: FloatRows, matrix: FloatRows, bias: FloatRows | None) -> FloatRows:
    """[tokens, rows] of a linear layer."""
    outputs = inputs @ matrix.T
    return outputs if bias is None else outputs + bias


def _whole(weights: Weights, path: str) -> tuple[FloatRows, FloatRows | None]:
    return weights.whole(path + "/weight"), weights.vector_or_none(path + "/bias")


def _projected(
    source: Source, weights: Weights, decoder: Decoder, hidden: FloatRows, lengths: Sequence[int]
) -> Iterator[FloatRows]:
    """Logits, of so many sequences at once as may be held; the projection is read once for each such
    group."""
    vocabulary = source.plan.vocabulary_size
    path = source.plan.aliases.get("decoder/projection/weight", "decoder/projection/weight")
    added = weights.vector_or_none("decoder/projection/bias")
    start = 0
    for first, last in _groups(lengths, _MOST_LOGITS // vocabulary):
        count = sum(lengths[first:last])
        states = affine(weights, decoder, "decoder/layer_norm", hidden[start : start + count])
        start += count
        logits = np.empty((count, vocabulary), np.float32)
        for row, rows in weights.rows(path):
            logits[:, row : row + len(rows)] = states @ rows.T
        if added is not None:
            logits += added
        at = 0
        for length in lengths[first:last]:
            yield logits[at : at + length]
            at += length


def _groups(lengths: Sequence[int], most: int) -> Iterator[tuple[int, int]]:
    """Sequences in groups of at most so many tokens, or one: where each group begins and ends."""
    first = 0
    while first < len(lengths):
        last, count = first + 1, lengths[first]
        while last < len(lengths) and count + lengths[last] <= most:
            count, last = count + lengths[last], last + 1
        yield first, last
        first = last
