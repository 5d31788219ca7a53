"""The options of a load run, and which of them go together."""

import argparse
from pathlib import Path

from ..number import count, count_or_none, positive, repeats
from .workload_file import read_workload

DEFAULT_REQUESTS = 100
DEFAULT_ROUND_REQUESTS = 20
DEFAULT_PAIRS = 5
_DEFAULT_LENGTHS = {"prompt_tokens": 128, "new_tokens": 64, "preamble_tokens": 128}
_USED_BY = {
    "fixed": ("prompt_tokens", "new_tokens"),
    "preamble": ("prompt_tokens", "new_tokens", "preamble_tokens"),
    "mixed": (),
    "sets": (),
    "questions": ("examples",),
    "trace": (),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--server", metavar="HOST:PORT", help="a server that runs")
    where.add_argument("--model", type=Path, metavar="DIR", help="start a server of one's own")
    add("--server-flags", metavar="FLAGS", help="flags of that own server, in one argument")
    add("--workload", choices=("fixed", "mixed", "questions", "preamble", "sets"), help="default: fixed")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--concurrency", metavar="N,N", help="closed loop (default 1,2,4,8; in pairs 4)")
    how.add_argument("--rate", metavar="R,R", help="open loop: requests a second")
    how.add_argument(
        "--trace",
        type=Path,
        metavar="FILE",
        help='a recorded trace: lines such as {"at_s": 0.25, "prompt_tokens": 120, "new_tokens": 64}',
    )
    add("--burstiness", type=positive, help="with --rate: 1 is Poisson, less is burstier (default 1)")
    add(
        "--requests",
        type=count,
        help=f"a level's measured requests (default {DEFAULT_REQUESTS}, in pairs {DEFAULT_ROUND_REQUESTS} a "
        "round; of a trace all)",
    )
    add("--warmup", type=count_or_none, default=5, metavar="N", help="requests before each level (default 5)")
    add("--seed", type=count_or_none, default=0, help="of lengths, prompts and arrivals (default 0)")
    add("--prompt-tokens", type=count, help="fixed and preamble (default 128)")
    add("--new-tokens", type=count, help="fixed and preamble (default 64)")
    add("--preamble-tokens", type=count, help="preamble: tokens all share (default 128)")
    add("--examples", type=Path, help="questions: has jobs/ and resumes/ (default examples)")
    add("--ttft-ms", type=positive, help="goodput: limit of the time to the first token")
    add("--e2e-ms", type=positive, help="goodput: limit from due to end")
    add("--limits", type=Path, metavar="FILE", help="goodput: the limits of a workload file (*.toml) instead")
    add("--timeout-s", type=positive, default=120.0, help="a request's deadline (default 120)")
    add("--out", type=Path, metavar="DIR", help="write results and plots there")
    _add_pairs(parser)


def _add_pairs(parser: argparse.ArgumentParser) -> None:
    pairs = parser.add_argument_group(
        "pairs", "a second server beside the first, both given the same work in turns, and compared"
    )
    add = pairs.add_argument
    add("--against", metavar="FLAGS", help="the second server's flags, as --against='--queue-limit 8'")
    add("--against-model", type=Path, metavar="DIR", help="its model (default: that of --model)")
    add("--against-server", metavar="HOST:PORT", help="instead of both, a second server that runs")
    add("--pairs", type=repeats, help=f"rounds of each (default {DEFAULT_PAIRS}, at least 3)")


def in_pairs(given: argparse.Namespace) -> bool:
    """Whether a second server was named; without flags (--against='') it still was."""
    return any(each is not None for each in (given.against, given.against_model, given.against_server))


def workload_name(given: argparse.Namespace) -> str:
    return "trace" if given.trace else given.workload or "fixed"


def check(given: argparse.Namespace) -> None:
    """Fill in the defaults that depend on others. Raises ValueError for options that do not go together."""
    if given.trace and given.workload:
        raise ValueError("--trace is its own workload; leave --workload out")
    if given.server and given.server_flags is not None:
        raise ValueError("--server-flags are for a server started with --model")
    if given.burstiness and not given.rate:
        raise ValueError("--burstiness is for the arrivals of --rate")
    if given.limits and (given.ttft_ms or given.e2e_ms):
        raise ValueError("--limits names both limits; leave --ttft-ms and --e2e-ms out")
    if given.limits:
        limits = read_workload(given.limits).limits
        given.ttft_ms, given.e2e_ms = (each and each * 1e3 for each in (limits.first_s, limits.end_to_end_s))
    _check_pairs(given)
    workload = workload_name(given)
    for name in (*_DEFAULT_LENGTHS, "examples"):
        if getattr(given, name) is not None and name not in _USED_BY[workload]:
            flag = "--" + name.replace("_", "-")
            raise ValueError(f"the workload {workload!r} makes no use of {flag}; leave it out")
    for name, length in _DEFAULT_LENGTHS.items():
        if getattr(given, name) is None:
            setattr(given, name, length)
    given.examples = given.examples or Path("examples")
    given.burstiness = given.burstiness or 1.0
    given.server_flags = given.server_flags or ""


def lengths(given: argparse.Namespace) -> dict[str, int]:
    """The lengths that the workload uses."""
    return {name: getattr(given, name) for name in _USED_BY[workload_name(given)] if name != "examples"}


def _check_pairs(given: argparse.Namespace) -> None:
    if not in_pairs(given):
        if given.pairs:
            raise ValueError("--pairs are rounds against a second server; name one with --against")
        return
    if given.against_server and (given.against is not None or given.against_model):
        raise ValueError("--against-server runs already; leave --against and --against-model out")
    if given.server and given.against is not None and not given.against_model:
        raise ValueError("--against starts a second server; name its model with --against-model")
    if "," in (given.concurrency or given.rate or ""):
        raise ValueError("pairs compare one level: give one number to --concurrency or --rate")
    given.pairs = given.pairs or DEFAULT_PAIRS
    if not (given.rate or given.trace):
        given.concurrency = given.concurrency or "4"
