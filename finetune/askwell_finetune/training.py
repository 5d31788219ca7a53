"""The training loop: learn, look, keep what is best, and be ready to die at any step.

training = Training(config, learner, learning, train, validation, accelerator, run, reporter)
training.resume(checkpoint)
training.run()
"""

import math
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)

from .checkpoint import Checkpoint, cannot_write, last_checkpoint, save_checkpoint
from .config import Config
from .deal import Packed, deal_packs, plan_epoch
from .errors import FinetuneError
from .learner import Learner
from .loss import TokenLoss, tensors_from_packs
from .pack import pack_examples
from .schedule import learning_rate_at, progress_at
from .standing import Standing, Step, Validation
from .tokens import Encoded

# Whole tensors on the CPU, whatever shared the model out; the base is not ours to keep.
TRAINED = StateDictOptions(full_state_dict=True, cpu_offload=True, ignore_frozen_params=True)
LOADED = StateDictOptions(full_state_dict=True, cpu_offload=True, ignore_frozen_params=True, strict=False)


class Reporter(Protocol):
    def step(self, standing: Standing, done: float) -> None: ...

    def validation(self, standing: Standing) -> None: ...


class Training:
    """One process's share of a run. ``run`` is the folder that the main process writes to."""

    def __init__(
        self,
        config: Config,
        learner: Learner,
        adapted: Any,
        train: Sequence[Encoded],
        validation: Sequence[Encoded],
        accelerator: Any,
        run: Path,
        reporter: Reporter,
    ) -> None:
        self._config, self._learner, self._adapted, self._accelerator = config, learner, adapted, accelerator
        self._train, self._validation = train, validation
        self._run, self._reporter = run, reporter
        weights = [each for each in adapted.parameters() if each.requires_grad]
        optimizer = torch.optim.AdamW(weights, weight_decay=config.schedule.weight_decay)
        self._module, self._optimizer = accelerator.prepare(TokenLoss(adapted), optimizer)
        self._weights = [each for each in self._module.parameters() if each.requires_grad]
        self._best: Mapping[str, Any] = {}
        self.standing = Standing()
        self._lapped_s = time.monotonic()
        self._epoch = lru_cache(1)(self._planned)

    def resume(self, checkpoint: Checkpoint) -> None:
        self.standing, self._best = checkpoint.standing, checkpoint.best
        self.standing.stopped = ""  # found again, and not where max_minutes are more by now
        set_model_state_dict(self._module, dict(checkpoint.weights), options=LOADED)
        set_optimizer_state_dict(
            self._module, self._optimizer.optimizer, dict(checkpoint.optimizer), options=LOADED
        )

    def run(self) -> Standing:
        """Raises FinetuneError when the loss is no number, or the disk is full."""
        watch, standing = self._config.watch, self.standing
        self._lap()
        while not (reason := self._over()):
            self._learn()
            if standing.step % watch.validate_every == 0:
                self._validate()
            if standing.step % watch.checkpoint_every == 0:
                self._keep()
        if not standing.validations or standing.validations[-1].step != standing.step:
            self._validate()
        standing.stopped = reason
        self._keep()
        return standing

    def _over(self) -> str:
        config, standing = self._config, self.standing
        if config.schedule.steps and standing.step >= config.schedule.steps:
            return "all steps are done"
        if not config.schedule.steps and standing.epoch >= config.schedule.epochs:
            return "all epochs are done"
        if config.watch.patience and standing.waited >= config.watch.patience:
            return f"no better validation loss since step {standing.best_step}"
        if config.watch.max_minutes and standing.seconds >= 60 * config.watch.max_minutes:
            return f"max_minutes are over, {self._progress():.0%} of the schedule done"
        return ""

    def _progress(self) -> float:
        standing = self.standing
        steps = len(self._epoch(standing.epoch))
        return progress_at(self._config.schedule, standing.step, standing.epoch, standing.at, steps)

    def _share_done(self) -> float:
        """Of the run, by its schedule or by its minutes, whichever is nearer to its end."""
        schedule, standing, minutes = self._config.schedule, self.standing, self._config.watch.max_minutes
        done = standing.steps[-1].epoch / schedule.epochs
        if schedule.steps:
            done = standing.step / schedule.steps
        return max(done, standing.seconds / (60 * minutes) if minutes else 0.0)

    def _planned(self, epoch: int) -> list[list[Packed]]:
        processes = self._accelerator.num_processes
        return plan_epoch(self._train, self._config.batch, processes, self._config.seed, epoch)

    def _learn(self) -> None:
        standing = self.standing
        plan, progress = self._epoch(standing.epoch), self._progress()
        packs = plan[standing.at]
        learning_rate = learning_rate_at(self._config.schedule, progress)
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate
        self._module.train()
        targets = sum(len(self._train[number].completion) for pack in packs for number in pack)
        summed, computed = self._backward(packs, targets)
        norm = float(self._accelerator.clip_grad_norm_(self._weights, self._config.schedule.clip))
        loss, tokens, seconds = self._summed(summed / targets, computed, self._lap())
        if not math.isfinite(loss) or not math.isfinite(norm):
            raise FinetuneError(self._lost(loss, norm, learning_rate))
        self._optimizer.step()
        self._optimizer.zero_grad()
        standing.step, standing.at = standing.step + 1, standing.at + 1
        if standing.at == len(plan):
            standing.epoch, standing.at = standing.epoch + 1, 0
        seconds /= self._accelerator.num_processes
        standing.seconds += seconds
        done = standing.epoch + standing.at / len(plan)
        examples = sum(map(len, packs))
        standing.steps.append(
            Step(standing.step, done, loss, learning_rate, norm, int(tokens), targets, examples, seconds)
        )
        self._reporter.step(standing, self._share_done())

    def _backward(self, packs: Sequence[Packed], targets: int) -> tuple[float, int]:
        """Sum of the loss over this process's targets, and how many tokens it took through the model.

        Gradients are averaged over the processes, so each weighs its own as many times more.
        """
        accelerator, batch = self._accelerator, self._config.batch
        processes, device = accelerator.num_processes, accelerator.device
        passes = list(deal_packs(packs, batch, accelerator.process_index, processes))
        total, tokens = torch.zeros((), device=device), 0
        for place, (number, mine) in enumerate(passes):
            self._seed(number)
            built = [pack_examples([self._train[each] for each in pack]) for pack in mine or packs[:1]]
            last = place == len(passes) - 1
            with torch.enable_grad() if last else accelerator.no_sync(self._module):
                loss = self._module(tensors_from_packs(built, device)).sum() * bool(mine)
                accelerator.backward(loss * (processes / targets))
            total += loss.detach()
            tokens += sum(len(pack.ids) for pack in built) * bool(mine)
        return float(total), tokens

    def _seed(self, number: int) -> None:
        """Dropout by the place of a pass in the run: whoever computes it, and whenever."""
        words = np.random.SeedSequence([self._config.seed, self.standing.step, number]).generate_state(1)
        torch.manual_seed(int(words[0]))

    def _lap(self) -> float:
        """Seconds since the last call: an optimizer's step and a checkpoint count to the step after them."""
        before, self._lapped_s = self._lapped_s, time.monotonic()
        return self._lapped_s - before

    def _summed(self, *values: float) -> list[float]:
        """Over all processes, so that all decide alike."""
        mine = torch.tensor(values, dtype=torch.float64, device=self._accelerator.device)
        summed: list[float] = self._accelerator.reduce(mine, "sum").tolist()
        return summed

    def _lost(self, loss: float, norm: float, learning_rate: float) -> str:
        what = f"the loss is {loss:g}" if not math.isfinite(loss) else f"the gradient is {norm:g}"
        before = last_checkpoint(self._run)
        kept = f"the last good checkpoint is {before.name}" if before else "there is no checkpoint before it"
        return (
            f"at step {self.standing.step + 1} {what} (learning rate {learning_rate:.2g}); {kept}; "
            "lower schedule.learning_rate and start anew in another out folder"
        )

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def _validate(self) -> None:
        standing, batch, accelerator = self.standing, self._config.batch, self._accelerator
        self._module.eval()
        plan = plan_epoch(self._validation, batch, 1, self._config.seed, 0)
        packs = [pack for step in plan for pack in step]
        loss = 0.0
        for _, mine in deal_packs(packs, batch, accelerator.process_index, accelerator.num_processes):
            built = [pack_examples([self._validation[each] for each in pack]) for pack in mine or packs[:1]]
            found = self._module(tensors_from_packs(built, accelerator.device))
            loss += float(found.double().sum()) if mine else 0.0
        (loss,) = self._summed(loss / sum(len(each.completion) for each in self._validation))
        standing.waited += 1
        if loss < standing.best:
            standing.best, standing.best_step, standing.waited = loss, standing.step, 0
            self._best = {name: each.clone() for name, each in self._trained().items()}
            self.save_best()
        (seconds,) = self._summed(self._lap())
        seconds /= accelerator.num_processes
        standing.seconds += seconds
        standing.validations.append(Validation(standing.step, loss, seconds))
        self._reporter.validation(standing)

    def _trained(self) -> dict[str, Any]:
        """By name: a tied embedding has two names, of which torch takes only one for frozen."""
        wanted = {f"adapted.{name}" for name, each in self._adapted.named_parameters() if each.requires_grad}
        found = get_model_state_dict(self._module, options=TRAINED)
        return {name: each for name, each in found.items() if name in wanted}

    def save_best(self) -> None:
        """What was learnt as it was at the best validation, into the run's folder.

        Raises FinetuneError when the disk does not take it.
        """
        if self._accelerator.is_main_process:
            named = {name.removeprefix("adapted."): each for name, each in self._best.items()}
            try:
                self._learner.save(self._run / self._learner.folder, self._adapted, named)
            except OSError as error:
                what = f"{self._learner.folder} at step {self.standing.step}"
                raise cannot_write(self._run, what, error) from None

    def _keep(self) -> None:
        weights = self._trained()
        optimizer = get_optimizer_state_dict(self._module, self._optimizer.optimizer, options=TRAINED)
        if self._accelerator.is_main_process:
            save_checkpoint(self._run, Checkpoint(self.standing, weights, optimizer, self._best))
