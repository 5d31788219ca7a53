"""When a run at one rate can be given up: it has failed already, whatever comes."""

from collections.abc import Sequence
from dataclasses import dataclass

from .record import Record
from .summary import Limits


@dataclass(frozen=True, slots=True)
class Patience:
    """Lasts while no more than ``allowed`` requests have missed ``limits``."""

    limits: Limits
    allowed: int

    def exhausted(self, ended: Sequence[Record], waiting_s: Sequence[float]) -> bool:
        """``waiting_s``: how long those under way have been due. Past the limit they have missed as well."""
        missed = sum(not self.limits.kept_by(record) for record in ended)
        limit_s = self.limits.end_to_end_s
        if limit_s is not None:
            missed += sum(each > limit_s for each in waiting_s)
        return missed > self.allowed
