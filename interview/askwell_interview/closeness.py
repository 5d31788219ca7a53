"""How near competencies are to one another: by the words of their names and, with an encoder, by meaning."""

from collections.abc import Iterable
from functools import cache

import numpy as np

from .encoder import Encoder
from .skill import Entry
from .word import stems

# Cosines of names in all-MiniLM-L6-v2, chosen by reading pairs of 24 jobs and 72 résumés. Above SAME stand
# "deployment" and "model deployment", below it "recipe costing" and "food cost control"; above AKIN "load
# testing" and "unit testing", below it "HR analytics" and "employee relations".
SAME = 0.66
AKIN = 0.5
# A list of texts longer than this would take longer to encode (2 ms each) than all the rest of a plan.
MAX_NAMES = 40
# Kinds of work that say nothing of what is worked at: "absence management" and "performance management"
# have little in common.
_HEADS = frozenset(
    stems(
        "management systems development planning analysis control engineering handling care support service "
        "process processing work data tools software administration"
    )
)


class Closeness:
    """Knows the names that it was made with, the first MAX_NAMES of them by meaning."""

    def __init__(self, names: Iterable[str], encoder: Encoder | None) -> None:
        known = list(dict.fromkeys(names))[:MAX_NAMES] if encoder else []
        self._places = {name: place for place, name in enumerate(known)}
        rows = encoder.encode(known) if encoder and known else np.zeros((0, 0), np.float32)
        self._cosines = rows @ rows.T

    def cosine(self, one: str, other: str) -> float | None:
        """None without an encoder."""
        a, b = self._places.get(one), self._places.get(other)
        return None if a is None or b is None else float(self._cosines[a, b])

    def same(self, one: str, other: str) -> bool:
        """Whether asking about both would be asking twice: one name's words are the other's, or nearly."""
        a, b = _stems(one), _stems(other)
        common = len(a & b)
        if common and (common == min(len(a), len(b)) or common >= 0.6 * len(a | b)):
            return True
        return (self.cosine(one, other) or 0.0) >= SAME

    def akin(self, one: Entry, other: Entry) -> bool:
        """Whether who has one of the skills has something to begin the other with."""
        if not one.field or (one.field, one.kind) != (other.field, other.kind) or one.kind == "licence":
            return False
        cosine = self.cosine(one.name, other.name)
        if cosine is not None:
            return cosine >= AKIN
        head = stems(one.name)[
            -1:
        ]  # "internal audit" is near "external audit", "food safety" not "food cost"
        return head == stems(other.name)[-1:] and not _HEADS.issuperset(head)


@cache
def _stems(name: str) -> frozenset[str]:
    return frozenset(stems(name))
