"""Direct preference optimisation on packs (https://arxiv.org/abs/2305.18290, equation 7).

A pack is one pair: the prompt once, and behind it the two answers as branches. What the loss is made of, the
log-probability of an answer, is the sum over its tokens of what ``TokenLoss`` gives.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from .loss import TokenLoss, tensors_from_packs
from .pack import Pack, pack_examples
from .tokens import Encoded


@dataclass(frozen=True, slots=True)
class EncodedPair:
    """The two answers to one prompt."""

    chosen: Encoded
    rejected: Encoded

    def pack(self) -> Pack:
        return pack_examples((self.chosen, self.rejected))


@dataclass(frozen=True, slots=True)
class Judgement:
    """For each pair, [pairs]: ``loss``, and ``margin``, by how many nats the policy prefers the chosen answer
    more than the starting policy did."""

    loss: Any
    margin: Any


def log_ratios(module: TokenLoss, pairs: Sequence[EncodedPair], device: Any) -> Any:
    """log π(chosen) - log π(rejected), in nats: [pairs]."""
    packs = [pair.pack() for pair in pairs]
    nats = module(tensors_from_packs(packs, device))
    sums = torch.zeros(2 * len(packs), device=device)
    owners = [2 * number + owner for number, pack in enumerate(packs) for owner in pack.owners.tolist()]
    sums = sums.index_add(0, torch.tensor(owners, device=device), nats)
    return sums[1::2] - sums[::2]


def judge(ratios: Any, started: Any, beta: float) -> Judgement:
    """``started``: the ratios of the policy that training began with."""
    margin = ratios - started
    return Judgement(-torch.nn.functional.logsigmoid(beta * margin), margin)
