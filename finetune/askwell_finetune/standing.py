"""Where a run stands: everything but tensors that a checkpoint must hold."""

import math
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from .errors import FinetuneError


@dataclass(slots=True)
class Step:
    """One optimizer step. ``loss``: nats for each token of a question, before the step. ``tokens`` went
    through the model, ``targets`` were to be predicted."""

    step: int
    epoch: float
    loss: float
    learning_rate: float
    gradient_norm: float
    tokens: int
    targets: int
    examples: int
    seconds: float


@dataclass(slots=True)
class Validation:
    """The loss on the validation examples after ``step`` steps."""

    step: int
    loss: float
    seconds: float


@dataclass(slots=True)
class Standing:
    """``step`` steps are done, ``at`` of them in epoch ``epoch``. ``best`` is the lowest validation loss,
    ``waited`` how many validations ago; ``stopped`` says why the run is over, once it is."""

    step: int = 0
    epoch: int = 0
    at: int = 0
    seconds: float = 0.0
    best: float = math.inf
    best_step: int = 0
    waited: int = 0
    stopped: str = ""
    steps: list[Step] = field(default_factory=list)
    validations: list[Validation] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Self:
        """Raises FinetuneError for what another version wrote."""
        try:
            steps = [Step(**each) for each in told.pop("steps")]
            validations = [Validation(**each) for each in told.pop("validations")]
            if unknown := told.keys() - {each.name for each in fields(cls)}:
                raise KeyError(min(unknown))
            return cls(**told, steps=steps, validations=validations)
        except (KeyError, TypeError) as error:
            raise FinetuneError(f"the checkpoint is of another version of this program ({error})") from None
