"""Turning the residual stream to another basis, in which no channel stands out.

A decoder's residual stream may be in any orthogonal basis: what writes it is turned into the basis, what
reads it is turned back, and the norms do not see it (QuaRot, Ashkboos et al. 2024,
https://arxiv.org/abs/2404.00456). In a basis at random the few channels that are far larger than the others
are spread over all, and a token's activations use the 8 bits that they have. RMS norms allow any basis; layer
norms subtract the mean, so theirs keeps the vector of ones.
"""

import numpy as np
import numpy.typing as npt

from ..checkpoint import FloatRows

_SEED = 20_261_123


def random_turn(width: int, *, keep_ones: bool) -> FloatRows:
    """An orthogonal matrix, [width, width], the same each time. With ``keep_ones`` it maps the vector of ones
    to itself."""
    random = np.random.default_rng(_SEED)
    if not keep_ones:
        return _orthogonal(random, width).astype(np.float32)
    # A reflection that maps the first axis to the direction of the ones, and its inverse around a turn of the
    # others.
    ones = np.full(width, width**-0.5)
    ones[0] -= 1
    if width > 1:
        ones /= np.linalg.norm(ones)
    turn = np.eye(width)
    turn[1:, 1:] = _orthogonal(random, width - 1)
    turn -= 2 * np.outer(ones, ones @ turn)
    turn -= 2 * np.outer(turn @ ones, ones)
    return turn.astype(np.float32)


def _orthogonal(random: np.random.Generator, width: int) -> npt.NDArray[np.float64]:
    """By the QR decomposition of a normal matrix, made unique (Mezzadri 2007,
    https://arxiv.org/abs/math-ph/0609050)."""
    q, r = np.linalg.qr(random.standard_normal((width, width)))
    turned: npt.NDArray[np.float64] = q * np.sign(np.diagonal(r))
    return turned
