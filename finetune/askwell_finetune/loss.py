"""The loss of packs: what the model makes of each token of the questions, and of no other token.

Only the rows that predict a question go through the head, which at 50,000 tokens wide would cost as much as a
fifth of a small model.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from peft.tuners.tuners_utils import BaseTunerLayer

from .pack import Pack


@dataclass(frozen=True, slots=True)
class Tensors:
    """Packs side by side: ``ids`` and ``positions`` [packs, tokens], ``mask`` [packs, 1, tokens, tokens];
    ``rows`` count through all packs."""

    ids: Any
    positions: Any
    mask: Any
    rows: Any
    targets: Any


def tensors_from_packs(packs: Sequence[Pack], device: Any) -> Tensors:
    """Shorter packs are filled up with tokens that see, and are seen by, themselves only."""
    length = max(len(pack.ids) for pack in packs)
    ids = np.zeros((len(packs), length), np.int64)
    positions = np.zeros((len(packs), length), np.int64)
    mask = np.zeros((len(packs), 1, length, length), np.bool_)
    mask[:, 0, np.arange(length), np.arange(length)] = True
    for number, pack in enumerate(packs):
        size = len(pack.ids)
        ids[number, :size], positions[number, :size] = pack.ids, pack.positions
        mask[number, 0, :size, :size] = pack.mask()
    rows = np.concatenate([pack.rows + number * length for number, pack in enumerate(packs)])
    targets = np.concatenate([pack.targets for pack in packs])
    return Tensors(*(torch.from_numpy(each).to(device) for each in (ids, positions, mask, rows, targets)))


class TokenLoss(torch.nn.Module):  # type: ignore[misc]  # torch is not there when types are checked
    """Negative log-probabilities of the targets, in nats: [targets], float32.

    A module, so that what shares a model out to several processes can wrap it.
    """

    def __init__(self, adapted: Any) -> None:
        super().__init__()
        self.adapted = adapted
        causal = adapted.get_base_model()
        self._reduced = causal.dtype if causal.dtype != torch.float32 else None
        if self._reduced:
            # Autocast alone decides in what the adapter computes: a tenth faster than float32 first.
            for module in adapted.modules():
                if isinstance(module, BaseTunerLayer):
                    module.cast_input_dtype_enabled = False
        self._additive = causal.config._attn_implementation == "eager"

    def forward(self, packs: Tensors) -> Any:
        causal = self.adapted.get_base_model()
        mask = packs.mask
        if self._additive:
            mask = torch.zeros(mask.shape, device=mask.device).masked_fill(~mask, torch.finfo().min)
        with self._autocast(packs.ids.device.type):
            states = getattr(causal, causal.base_model_prefix)(
                input_ids=packs.ids, position_ids=packs.positions, attention_mask=mask, use_cache=False
            ).last_hidden_state
            logits = causal.get_output_embeddings()(states.flatten(0, 1)[packs.rows])
        return torch.nn.functional.cross_entropy(logits.float(), packs.targets, reduction="none")

    def _autocast(self, device: str) -> Any:
        if self._reduced is None:
            return nullcontext()
        return torch.autocast(device, self._reduced)
