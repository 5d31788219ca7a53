"""The loop that learns from pairs: one process and no checkpoints, since pairs are few."""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from .dpo import EncodedPair, Judgement, judge, log_ratios
from .errors import FinetuneError
from .loss import TokenLoss
from .prefer_config import PreferConfig
from .schedule import learning_rate_at, progress_at
from .standing import Standing, Step, Validation
from .training import Reporter


@dataclass(frozen=True, slots=True)
class Preferred:
    """How pairs are judged. ``accuracy``: the share whose chosen question gained more than its rejected one;
    ``margin``: by how many nats on average."""

    pairs: int
    loss: float
    accuracy: float
    margin: float


class PreferenceTraining:
    """``adapted`` is the starting policy; it is measured on all pairs before anything is learnt."""

    def __init__(
        self,
        config: PreferConfig,
        adapted: Any,
        learnt: Sequence[EncodedPair],
        held_out: Sequence[EncodedPair],
        device: Any,
        reporter: Reporter,
    ) -> None:
        self._config, self._device, self._reporter = config, device, reporter
        self._module = TokenLoss(adapted).to(device)
        self._weights = [each for each in self._module.parameters() if each.requires_grad]
        self._optimizer = torch.optim.AdamW(self._weights, weight_decay=config.schedule.weight_decay)
        self._learnt, self._held_out = learnt, held_out
        self.standing = Standing()
        self._started = [self._ratios(pairs) for pairs in (learnt, held_out)]

    def judged(self) -> dict[str, Preferred]:
        """The pairs that are learnt from and those that are held out, as the policy is now."""
        names = ("train", "held out")
        both = zip(names, (self._learnt, self._held_out), self._started, strict=True)
        return {name: self._preferred(pairs, started) for name, pairs, started in both}

    def run(self) -> None:
        schedule, standing = self._config.schedule, self.standing
        size = self._config.pairs_per_pass * self._config.passes_per_step
        steps = math.ceil(len(self._learnt) / size)
        wanted = schedule.steps or schedule.epochs * steps
        while standing.step < wanted:
            order = np.random.default_rng([self._config.seed, standing.epoch]).permutation(len(self._learnt))
            for at in range(0, len(order), size):
                progress = progress_at(schedule, standing.step, standing.epoch, at // size, steps)
                self._learn(order[at : at + size].tolist(), learning_rate_at(schedule, progress))
                standing.steps[-1].epoch = standing.epoch + min(1.0, (at + size) / len(order))
                self._reporter.step(standing, standing.step / wanted)
                if standing.step == wanted:
                    break
            standing.epoch += 1
            self._look()
        standing.stopped = "all steps are done"

    def _learn(self, chosen: list[int], learning_rate: float) -> None:
        began, standing = time.monotonic(), self.standing
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate
        self._module.train()
        loss, tokens, targets = 0.0, 0, 0
        for numbers in self._passes(chosen):
            pairs = [self._learnt[number] for number in numbers]
            ratios = log_ratios(self._module, pairs, self._device)
            found: Judgement = judge(ratios, self._started[0][numbers], self._config.beta)
            (found.loss.sum() / len(chosen)).backward()
            loss += float(found.loss.detach().sum()) / len(chosen)
            packs = [pair.pack() for pair in pairs]
            tokens += sum(len(pack.ids) for pack in packs)
            targets += sum(len(pack.targets) for pack in packs)
        norm = float(torch.nn.utils.clip_grad_norm_(self._weights, self._config.schedule.clip))
        if not math.isfinite(loss) or not math.isfinite(norm):
            raise FinetuneError(
                f"at step {standing.step + 1} the loss is {loss:g} and the gradient {norm:g} (learning rate "
                f"{learning_rate:.2g}); lower schedule.learning_rate and start anew"
            )
        self._optimizer.step()
        self._optimizer.zero_grad()
        standing.step += 1
        seconds = time.monotonic() - began
        standing.seconds += seconds
        standing.steps.append(
            Step(standing.step, 0.0, loss, learning_rate, norm, tokens, targets, len(chosen), seconds)
        )

    def _look(self) -> None:
        began, standing = time.monotonic(), self.standing
        loss = self._preferred(self._held_out, self._started[1]).loss
        standing.validations.append(Validation(standing.step, loss, time.monotonic() - began))
        standing.seconds += standing.validations[-1].seconds
        if loss < standing.best:
            standing.best, standing.best_step = loss, standing.step
        self._reporter.validation(standing)

    def _preferred(self, pairs: Sequence[EncodedPair], started: Any) -> Preferred:
        found = judge(self._ratios(pairs), started, self._config.beta)
        return Preferred(
            pairs=len(pairs),
            loss=float(found.loss.mean()),
            accuracy=float((found.margin > 0).double().mean()),
            margin=float(found.margin.mean()),
        )

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def _ratios(self, pairs: Sequence[EncodedPair]) -> Any:
        self._module.eval()
        passes = self._passes(list(range(len(pairs))))
        found = [log_ratios(self._module, [pairs[n] for n in numbers], self._device) for numbers in passes]
        return torch.cat(found)

    def _passes(self, numbers: list[int]) -> Iterator[list[int]]:
        size = self._config.pairs_per_pass
        return (numbers[at : at + size] for at in range(0, len(numbers), size))
