"""How far a run is, and the learning rate there."""

from math import cos, pi

from .config import Schedule


def progress_at(schedule: Schedule, step: int, epoch: int, at: int, steps_in_epoch: int) -> float:
    """The share of the whole run, 0 to 1, in the middle of step ``step``, the ``at``-th of its epoch.

    By epochs, since packs differ a little in number from one epoch to the next.
    """
    if schedule.steps:
        return (step + 0.5) / schedule.steps
    return (epoch + (at + 0.5) / steps_in_epoch) / schedule.epochs


def learning_rate_at(schedule: Schedule, progress: float) -> float:
    """Rises in a line over the warm-up, then falls as a cosine (https://arxiv.org/abs/1608.03983)."""
    if progress < schedule.warmup:
        return schedule.learning_rate * progress / schedule.warmup
    left = (progress - schedule.warmup) / (1 - schedule.warmup) if schedule.warmup < 1 else 0.0
    return schedule.learning_rate * (1 + cos(pi * min(left, 1.0))) / 2
