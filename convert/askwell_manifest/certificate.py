"""What quantization did to a model's mind, and whether that is good enough."""

from dataclasses import dataclass, fields
from typing import Any, Literal, Self, TypeAlias

Interval: TypeAlias = tuple[float, float]
"""Lower and upper end of a 95% confidence interval."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The largest perplexity ratio that passes, and the smallest share of equal likeliest tokens."""

    ratio: float = 1.05
    top1: float = 0.85


@dataclass(frozen=True, slots=True)
class Certificate:
    """The quantized weights beside the unquantized ones, over the same tokens of a text.

    ``perplexity_ratio`` is the model's perplexity over its reference's. ``mean_kl`` is KL(reference || model)
    in nats per token. ``same_top1`` is the share of positions where both name the same likeliest token;
    ``same_top5`` the share of the reference's five likeliest that are the model's as well.
    ``largest_deviation`` is the most by which the probability of any token, anywhere, is off.

    The figures hold for ``model_sha256`` (of model.bin), and for what computed them: ``device`` ("cpu" or
    "cuda"), ``compute_type``, ``instruction_set`` in words, and ``saturates``: whether int8 sums saturate
    there. ``text_sha256`` is that of the text's files, one after the other. ``reference`` is the source's
    label, and ``method`` how it was computed.
    """

    perplexity_ratio: float
    perplexity_ratio_interval: Interval
    mean_kl: float
    mean_kl_interval: Interval
    same_top1: float
    same_top1_interval: Interval
    same_top5: float
    same_top5_interval: Interval
    largest_deviation: float
    perplexity: float
    perplexity_reference: float
    tokens: int
    windows: int
    window_tokens: int
    device: Literal["cpu", "cuda"]
    compute_type: str
    instruction_set: str
    saturates: bool
    model_sha256: str
    text_sha256: str
    reference: str
    method: Literal["float32 conversion", "layer by layer"]
    engine: str
    date: str

    @classmethod
    def from_mapping(cls, data: dict[str, Any]) -> Self:
        """Raises TypeError for anything that is not a whole certificate."""
        certificate = cls(**{name: _pair(value) for name, value in data.items()})
        for field in fields(cls):
            value, kinds = getattr(certificate, field.name), _KINDS.get(field.type, (str,))
            if type(value) not in kinds or (type(value) is int and value < 0):
                raise TypeError(f"the certificate's {field.name} is {value!r}")
        return certificate

    def failures(self, thresholds: Thresholds) -> tuple[str, ...]:
        """What does not pass, in words; nothing when all does."""
        found = []
        if not self.perplexity_ratio <= thresholds.ratio:  # NaN does not pass
            found.append(f"its perplexity ratio is {self.perplexity_ratio:.4f}, above {thresholds.ratio:g}")
        if not self.same_top1 >= thresholds.top1:
            found.append(
                f"it names the same likeliest token in {self.same_top1:.4f}, below {thresholds.top1:g}"
            )
        return tuple(found)


_KINDS: dict[object, tuple[type, ...]] = {
    float: (float, int), int: (int,), bool: (bool,), Interval: (tuple,),
}  # fmt: skip


def _pair(value: Any) -> Any:
    if isinstance(value, list):
        low, high = value if len(value) == 2 else (None, None)
        if type(low) not in (float, int) or type(high) not in (float, int):
            raise TypeError(f"{value!r} is no interval")
        return (low, high)
    return value
