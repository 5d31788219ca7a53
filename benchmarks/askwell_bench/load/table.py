"""A level of load as a person reads it."""

from .level import Level
from .result import LevelResult
from .summary import Spread, Summary, statuses_but_ok


def print_level(level: Level, found: Summary, piece: str) -> None:
    """``piece`` is what comes one by one: "token", "question", or "row" of a set of prompts."""
    first = "token" if piece == "row" else piece
    good = found.requests - sum(statuses_but_ok(found).values())
    print(
        f"\n{level.label}: {good} of {found.requests} requests in {found.duration_s:.1f} s, {_rates(found)}"
    )
    print(f"  {'milliseconds':<34}{'mean':>10}{'p50':>10}{'p90':>10}{'p99':>10}")
    rows = {
        f"first {first}": found.first_s,
        f"gap between {piece}s, pooled": found.gap_s,
        f"time per {piece}, per request": found.per_piece_s,
        "end to end": found.end_to_end_s,
        **{f"server: {stage}": times for stage, times in found.stages_s.items()},
        f"first {first}, outside the server": found.outside_s,
    }
    for label, times in rows.items():
        print(f"  {label:<34}" + "".join(f"{_ms(each):>10}" for each in _figures(times)))
    if found.pieces_per_message and found.pieces_per_message > 1.005:
        print(f"  {found.pieces_per_message:.2f} {piece}s came in a message; gaps inside one are 0")
    if found.batch_rows:
        print(
            f"  a request ran among {found.batch_rows:.1f} rows on average; of the prompts' tokens "
            f"{found.prefix_tokens} were shared, {found.forced_tokens} forced"
        )
    if found.model_questions or found.bank_questions:
        print(f"  questions: {found.model_questions} by the model, {found.bank_questions} from the bank")
    if found.ended_early:
        print(f"  {found.ended_early} texts ended by themselves, shorter than asked")
    print(
        f"  generator's lag, p99: sending {found.send_lag_s * 1e3:.2f}, event loop "
        f"{found.loop_lag_s * 1e3:.2f} (bound {found.lag_bound_s * 1e3:.1f}); "
        f"it used {found.generator_cores:.2f} cores"
    )
    for status, count in statuses_but_ok(found).items():
        print(f"  {status}: {count}")
    if found.invalid:
        print(f"  INVALID: {found.invalid}")


def print_round(side: str, found: LevelResult) -> None:
    """One of many rounds, in a line."""
    first, end_to_end = found.summary.first_s.p50, found.summary.end_to_end_s.p50
    failed = "".join(f", {count} {status}" for status, count in statuses_but_ok(found.summary).items())
    print(
        f"  {side}  {found.label}: {_rates(found.summary)}; median {_ms(first)} ms to the first, "
        f"{_ms(end_to_end)} ms to the end{failed}",
        flush=True,
    )


def print_shortage(summaries: list[Summary]) -> None:
    """Why there are dashes."""
    fewest = min(found.end_to_end_s.count for found in summaries)
    if fewest < 100:
        print(f"\n- stands where samples are too few: a p99 takes 100, and a level had {fewest}")


def _rates(found: Summary) -> str:
    goodput = "" if found.goodput_per_s is None else f", goodput {found.goodput_per_s:.2f} requests/s"
    return f"{found.requests_per_s:.2f} requests/s, {found.tokens_per_s:.1f} tokens/s{goodput}"


def _figures(times: Spread) -> tuple[float | None, ...]:
    return times.mean, times.p50, times.p90, times.p99


def _ms(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1e3:.2f}"
