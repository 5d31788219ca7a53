"""Planners side by side, as a person reads them."""

from collections.abc import Mapping, Sequence

from .comparison import Comparison
from .contest import Schedule
from .report import mean_figures


def print_contest(rounds: Sequence[Mapping[str, Schedule]], bound: float) -> None:
    """Means over the rounds."""
    first, end, batch = "first token, s", "end to end, s", "rows a"
    print(
        f"\n{'':<15}{'requests/s':>11}{'good/s':>9}{'good':>8}{first:>18}{end:>18}{batch:>8}{'cuts of':>10}"
    )
    print(f"{'':<43}{'p50':>9}{'p95':>9}{'p50':>9}{'p95':>9}{'batch':>8}{'batches':>10}")
    for name in rounds[0]:
        schedules = [each[name] for each in rounds]
        told = mean_figures(schedules)
        batches = sum(each.count.batches for each in schedules)
        cuts = sum(each.count.cuts for each in schedules)
        print(
            f"{name:<15}{told['requests_per_s']:>11.3f}{told['goodput_per_s']:>9.3f}{told['good_share']:>8.1%}"
            f"{told['first_p50_s']:>9.2f}{told['first_p95_s']:>9.2f}"
            f"{told['end_to_end_p50_s']:>9.2f}{told['end_to_end_p95_s']:>9.2f}"
            f"{sum(each.count.rows for each in schedules) / batches:>8.1f}{f'{cuts}/{batches}':>10}"
        )
    print(f"{'no planner':<15}{bound:>11.3f}  could do more: the least work there is, all lanes busy")


def print_capacities(capacities: Mapping[str, float], share: float) -> None:
    print(f"\nthe highest rate at which {share:.0%} of the requests keep the limits")
    for name, rate in capacities.items():
        ratio = f"; full: {capacities['full'] / rate:.2f}x" if rate and name != "full" else ""
        print(f"{name:<15}{rate:>11.3f}/s{ratio}")


def print_real(comparisons: Sequence[Comparison]) -> None:
    print(f"\n{'predicted / real':<17}{'tokens/s':>16}{'ratio':>8}{'first p50, s':>16}{'end p95, s':>16}")
    for each in comparisons:
        a, b = each.predicted, each.real
        print(
            f"{each.name:<17}{f'{a.tokens_per_s:.1f} / {b.tokens_per_s:.1f}':>16}"
            f"{each.throughput_ratio:>8.2f}{f'{a.first_p50_s:.2f} / {b.first_p50_s:.2f}':>16}"
            f"{f'{a.end_to_end_p95_s:.2f} / {b.end_to_end_p95_s:.2f}':>16}"
            f"  ({each.hindsight_ratio:.2f} with the cost as corrected by the end)"
        )
