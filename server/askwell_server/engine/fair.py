"""Who was given how much: fair shares of the engine between tenants.

The virtual token counter of Sheng et al. 2024, "Fairness in Serving Large Language Models": every tenant has
a counter of the weighted tokens it was given, and the one with the smallest is served next. A tenant that
comes back is lifted to the smallest counter among those who wait, so that nobody saves up a right to the
engine by staying away.
"""

from .row import Row

PROMPT_WEIGHT = 1.0
_REMEMBERED = 1024  # absent tenants
NEW_WEIGHT = 2.0  # a new token costs a step, a prompt token a share of one call


def weighted(row: Row) -> float:
    """What a row takes of its tenant's share, if it writes all it may."""
    return PROMPT_WEIGHT * len(row.prompt) + NEW_WEIGHT * row.max_new_tokens


class VirtualCounters:
    """Weighted tokens given to each tenant. A tenant is active while rows of it wait."""

    def __init__(self) -> None:
        self._given: dict[str, float] = {}
        self._active: set[str] = set()
        self._left = 0.0  # the counter of the tenant that was last to leave

    def __len__(self) -> int:
        """Tenants that are remembered."""
        return len(self._given)

    def of(self, tenant: str) -> float:
        """A tenant's counter, as it is or as it would be if a row of it came now."""
        if tenant in self._active:
            return self._given[tenant]
        return max(self._given.get(tenant, 0.0), self._level())

    def enter(self, tenant: str) -> None:
        """A tenant that had no row waiting has one."""
        self._given[tenant] = self.of(tenant)
        self._active.add(tenant)

    def leave(self, tenant: str) -> None:
        """The last waiting row of a tenant is gone. Counters that the next to enter would be lifted over are
        forgotten, and beyond a number the smallest: names of tenants come from outside and must not pile
        up."""
        self._active.discard(tenant)
        self._left = self._given[tenant]
        level = self._level()
        absent = sorted((given, each) for each, given in self._given.items() if each not in self._active)
        spare = len(absent) - _REMEMBERED
        for number, (given, each) in enumerate(absent):
            if given <= level or number < spare:
                del self._given[each]

    def charge(self, tenant: str, tokens: float) -> None:
        """A tenant was given so many weighted tokens; negative gives back."""
        self._given[tenant] = self._given.get(tenant, self._level()) + tokens

    def _level(self) -> float:
        return min((self._given[tenant] for tenant in self._active), default=self._left)
