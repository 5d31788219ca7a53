"""What candidates that passed the checks are ranked by."""

from .candidate import Candidate
from .ground import question_words
from .meaning import nearness

# A nat per token counts as half a telling word.
LIKELY = 0.5
# A tenth more of cosine, which is what candidates for an item differ by, counts as half a telling word.
NEARNESS = 5.0


def scores(candidate: Candidate, log_probability: float | None = None) -> dict[str, float]:
    """What a candidate is ranked by, each the higher the better, and their "total": words that tell, up to
    four; those of the item's own evidence twice; a length near 18 to 28 words; with an encoder, how near it
    is to its competency and evidence in meaning; and how likely the model finds what it wrote, the mean over
    its tokens, which decides between those that are alike in the rest."""
    own = candidate.telling & candidate.own
    length = len(question_words(candidate.text))
    parts = {
        "telling": float(min(4, len(candidate.telling))),
        "own_evidence": float(min(3, len(own))),
        "length": 0.0 - 0.15 * max(0, 18 - length, length - 28),
    }
    if candidate.encoder is not None:
        parts["nearness"] = NEARNESS * nearness(candidate.encoder, candidate.text, candidate.item)
    if log_probability is None:
        return parts | {"total": sum(parts.values())}
    total = sum(parts.values()) + LIKELY * log_probability
    return parts | {"log_probability": log_probability, "total": total}
