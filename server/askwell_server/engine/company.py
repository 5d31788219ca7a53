"""Which rows may share a batch at all, whatever it costs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from .row import Row

MIN_TAIL = 2  # tokens that every row keeps after the prefix; with one, batch-mates are corrupted
_MINIMA = 2  # of the minima that others ask for, how many a head of fixed length is tried with


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one batch; the head runs even when it alone exceeds the last two.

    ``tokens`` bounds prompt plus new tokens over all rows (the cache), ``scores`` rows × longest prompt²
    (the attention scores of the prefill).
    """

    rows: int
    tokens: int
    scores: int = 1 << 24

    def with_beams(self, beams: int) -> "Limits":
        """The bounds in rows of which each is so many sequences."""
        return replace(self, rows=max(1, self.rows // beams), tokens=self.tokens // beams)

    def allow(self, rows: int, tokens: int, longest: int) -> bool:
        return rows <= self.rows and tokens <= self.tokens and rows * longest**2 <= self.scores


def may_share(head: Row, row: Row) -> bool:
    """Whether two rows may share a batch, their minima apart (see ``companies``)."""
    if row.options != head.options:
        return False
    if head.options.equal_lengths and len(row.prompt) != len(head.prompt):
        return False
    if head.options.num_beams > 1:  # a batch of beams runs to one limit and cannot be cut row by row
        return row.max_new_tokens == head.max_new_tokens and row.min_new_tokens == head.min_new_tokens
    return (len(row.prompt) < MIN_TAIL) == (len(head.prompt) < MIN_TAIL)


def companies(waiting: Sequence[Row]) -> list[list[int]]:
    """The groups of rows that may share a batch with the first; a batch is drawn from one of them.

    A batch has one minimum of new tokens. A row that may end before its limit needs exactly its own; a row of
    fixed length accepts any from its length upwards, for it is ended at its limit.
    """
    head = waiting[0]
    mates = [i for i in range(1, len(waiting)) if may_share(head, waiting[i])]
    if not _fixed(head):
        return [[i for i in mates if _accepts(waiting[i], head.min_new_tokens)]]
    minima = Counter(
        waiting[i].min_new_tokens
        for i in mates
        if not _fixed(waiting[i]) and waiting[i].min_new_tokens >= head.max_new_tokens
    )
    groups = [[i for i in mates if _fixed(waiting[i])]]
    groups += [[i for i in mates if _accepts(waiting[i], least)] for least, _ in minima.most_common(_MINIMA)]
    return groups


def batch_minimum(rows: Sequence[Row]) -> int:
    """The minimum of new tokens of a batch of rows of one company."""
    return next((row.min_new_tokens for row in rows if not _fixed(row)), max(r.max_new_tokens for r in rows))


def _fixed(row: Row) -> bool:
    return row.min_new_tokens >= row.max_new_tokens


def _accepts(row: Row, least: int) -> bool:
    return row.max_new_tokens <= least if _fixed(row) else row.min_new_tokens == least
