"""Where a peer is faster, and why: every loss that the results show must be explained.

The prose stands in ``losses.toml``, an entry for a peer, or for one variant or some workloads of it. It types
no figure: ``{ratio}`` and the like are filled from the results, so that no reason outlives its numbers.
"""

import re
import string
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from .markdown import listed, number, span
from .peer import Peer, compared, peers, workloads
from .source import Result

_FIGURE = re.compile(r"(?<![\w.])\d[\d.,]*\s*(?:[x×%]|[mµn]?s|[KMG]i?B)?(?![\w.])")


@dataclass(frozen=True, slots=True)
class Loss:
    """A workload that a peer does in ``ratio`` of our time: below 1. ``compared`` says it in words."""

    peer: Peer
    workload: str
    compared: str
    ratio: float

    def __str__(self) -> str:
        return f"{self.peer.label} needs {number(self.ratio)} of Askwell's time for {self.compared}"


@dataclass(frozen=True, slots=True)
class Reason:
    """``variant`` and ``workloads`` narrow it; empty ones fit all."""

    peer: str
    why: str
    variant: str = ""
    workloads: tuple[str, ...] = ()

    def fits(self, loss: Loss) -> bool:
        return (
            self.peer == loss.peer.name
            and self.variant in ("", loss.peer.variant)
            and (not self.workloads or loss.workload in self.workloads)
        )

    @property
    def narrowness(self) -> int:
        return bool(self.variant) + 2 * bool(self.workloads)

    def __str__(self) -> str:
        return ", ".join([self.peer, *filter(None, [self.variant, *self.workloads])])


@dataclass(frozen=True, slots=True)
class Losses:
    """``explained``: losses by their reason. ``stale``: reasons without a loss."""

    explained: tuple[tuple[Reason, tuple[Loss, ...]], ...] = ()
    unexplained: tuple[Loss, ...] = ()
    stale: tuple[Reason, ...] = ()
    our_perplexity: float | None = None

    def told(self) -> str:
        """A paragraph for each reason."""
        return "\n\n".join(_paragraph(reason, lost, self.our_perplexity) for reason, lost in self.explained)


def read_reasons() -> list[Reason]:
    """Raises ValueError for an entry that is misspelt, or that types a figure."""
    text = files("askwell_bench.pages").joinpath("losses.toml").read_text(encoding="utf-8")
    return [_reason(entry) for entry in tomllib.loads(text).get("loss", [])]


def find_losses(result: Result | None, reasons: Sequence[Reason]) -> Losses:
    """The narrowest reason explains a loss. Nothing is stale while the results are partial."""
    if result is None:
        return Losses()
    explained: dict[Reason, list[Loss]] = {}
    unexplained = []
    for loss in _lost(result):
        fitting = [reason for reason in reasons if reason.fits(loss)]
        if fitting:
            explained.setdefault(max(fitting, key=lambda reason: reason.narrowness), []).append(loss)
        else:
            unexplained.append(loss)
    stale = () if result.partial else tuple(reason for reason in reasons if reason not in explained)
    told = tuple((reason, tuple(lost)) for reason, lost in explained.items())
    ours = next((each.perplexity for each in peers(result) if each.ours), None)
    return Losses(told, tuple(unexplained), stale, ours)


def _lost(result: Result) -> list[Loss]:
    return [
        Loss(peer, workload, compared(result, workload), ratio)
        for workload in workloads(result)
        for peer in peers(result)
        if not (peer.ours or peer.absent) and (ratio := peer.ratio(workload)) is not None and ratio < 1
    ]


def _reason(entry: Mapping[str, Any]) -> Reason:
    unknown = set(entry) - {"peer", "variant", "workloads", "why"}
    if unknown or not {"peer", "why"} <= set(entry):
        raise ValueError(
            f"losses.toml: an entry has peer and why, and may have variant and workloads: {entry}"
        )
    why = " ".join(str(entry["why"]).split())
    fields = {name for _, name, _, _ in string.Formatter().parse(why) if name}
    if wrong := fields - {"ratio", "perplexity", "our_perplexity"}:
        raise ValueError(f"losses.toml: {entry['peer']}: no such figure: {', '.join(sorted(wrong))}")
    if typed := _FIGURE.search(re.sub(r"{.*?}", "", why)):
        raise ValueError(
            f"losses.toml: {entry['peer']}: {typed[0]!r} is typed by hand; use {{ratio}}, or words"
        )
    return Reason(
        str(entry["peer"]), why, str(entry.get("variant", "")), tuple(map(str, entry.get("workloads", ())))
    )


def _paragraph(reason: Reason, lost: Sequence[Loss], our_perplexity: float | None) -> str:
    by_peer: dict[str, list[Loss]] = {}
    for loss in lost:
        by_peer.setdefault(loss.peer.label, []).append(loss)
    led = "; ".join(
        f"{label}: {listed([f'{number(loss.ratio)} of our time for {loss.compared}' for loss in its])}"
        for label, its in by_peer.items()
    )
    perplexities = [loss.peer.perplexity for loss in lost if loss.peer.perplexity is not None]
    why = reason.why.format(
        ratio=span([loss.ratio for loss in lost], 3),
        perplexity=span(perplexities, 3),
        our_perplexity=number(our_perplexity),
    )
    return f"**{led}.** {why}"
