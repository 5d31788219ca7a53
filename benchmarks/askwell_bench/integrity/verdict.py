"""Whether an answer is what the model says alone.

Floating-point sums of another order may differ in the last bits, so a batch may choose another token where
two are as good as equal. Everything else is an error: of the engine's logic, or of its company's.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from .answer import Answer, Text
from .request import Asked

NEAR = 1e-4
"""How far the two likeliest logits may lie apart where an answer parts from what it is alone."""
LOGPROB_TOLERANCE = 2e-3

Kind = Literal["equal", "near", "different", "failed"]
Gap = Callable[[Asked, int, "int | None", "int | None"], float]
"""(request, position, one token, another) → how far either lies behind the likeliest logit there; None is an
end of text."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """``position`` is the first token that differs and ``gap`` what the logits say of it."""

    kind: Kind
    why: str = ""
    position: int = -1
    gap: float = 0.0


def judged(asked: Asked, expected: Text, alone: Sequence[int], answer: Answer, gap: Gap) -> Verdict:
    """``alone`` are the tokens as far as they were worked out, beyond the request's own end."""
    if answer.status != "OK":
        return Verdict("failed", answer.status)
    if len(answer.texts) != asked.num_return:
        return Verdict("different", f"{len(answer.texts)} samples of {asked.num_return}")
    verdicts = [_judged(asked, expected, alone, text, gap) for text in answer.texts]
    return max(verdicts, key=lambda verdict: ("equal", "near", "different").index(verdict.kind))


def _judged(asked: Asked, expected: Text, alone: Sequence[int], got: Text, gap: Gap) -> Verdict:
    wanted = expected.token_ids[: len(got.token_ids)] if not got.reason else expected.token_ids
    if got.token_ids == wanted:
        return _judged_end(expected, got)
    pairs = zip(got.token_ids, alone, strict=False)
    common = next((i for i, (one, other) in enumerate(pairs) if one != other), None)
    if common is None:
        common = min(len(got.token_ids), len(alone))
    ours = alone[common] if common < len(alone) else None
    theirs = got.token_ids[common] if common < len(got.token_ids) else None
    if ours == theirs or (theirs is None and got.reason != "EOS") or common > len(expected.token_ids):
        return Verdict("different", f"ended as {got.reason} instead of {expected.reason}", common)
    found = gap(asked, common, ours, theirs)
    return Verdict("near" if found < NEAR else "different", "another token", common, found)


def _judged_end(expected: Text, got: Text) -> Verdict:
    if got.reason and got.reason != expected.reason:
        return Verdict("different", f"ended as {got.reason} instead of {expected.reason}")
    if got.reason and got.text != expected.text:
        return Verdict("different", "equal tokens, another text")
    if got.logprobs and any(
        abs(one - other) > LOGPROB_TOLERANCE
        for one, other in zip(got.logprobs, expected.logprobs, strict=False)
    ):
        return Verdict("different", "equal tokens, other log-probabilities")
    return Verdict("equal")
