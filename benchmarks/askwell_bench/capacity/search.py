"""Where to look for the highest rate that a server sustains."""

STEP = 1.1
"""Two neighbouring rates of the grid differ by so many times; a capacity is known no better than that."""
_LOWEST = -40


class Search:
    """The highest rate of the grid start · 1.1^n that passes, its next higher neighbour having failed.

    A rate that fails is given up early, and one that passes is measured to the end, so the search comes from
    above. Its steps grow while all fail or all pass, and halve between a rate that passed and one that did
    not. ``apart`` steps of the grid between those two are near enough.
    """

    def __init__(self, start: float, apart: int = 1) -> None:
        self._start = start
        self._apart = apart
        self._at = 0
        self._leap = 1
        self._passed: int | None = None
        self._failed: int | None = None

    @property
    def next_rate(self) -> float | None:
        """None when the search is over."""
        return None if self.over else self._rate(self._at)

    @property
    def over(self) -> bool:
        if self._passed is None:
            return self._at < _LOWEST
        return self._failed is not None and self._failed - self._passed <= self._apart

    @property
    def capacity(self) -> float | None:
        """The highest rate that passed so far."""
        return None if self._passed is None else self._rate(self._passed)

    @property
    def bound(self) -> float | None:
        """The lowest rate that failed so far."""
        return None if self._failed is None else self._rate(self._failed)

    def note(self, passed: bool) -> None:
        """How ``next_rate`` went."""
        if passed:
            self._passed = self._at
        else:
            self._failed = self._at
        if self._passed is None:
            self._at -= self._leap
        elif self._failed is None:
            self._at += self._leap
        else:
            self._at = (self._passed + self._failed + 1) // 2
            return
        self._leap = min(self._leap + 1, 3)

    def _rate(self, at: int) -> float:
        return self._start * STEP**at
