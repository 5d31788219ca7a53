"""Whether the questions are worth asking: evidence, law, privacy, the person behind them, and their cost.

    askwell-bench quality --model models/smollm2-135m-instruct --short
    askwell-bench quality --model models/smollm2-135m-instruct --encoder models/all-minilm-l6-v2 \\
        --people followMLdata.csv --html quality.html --out results

For each job it asks four sets of questions of a server of its own (the right résumé, the same again, another
candidate's, and the right one with another name, gender or school), one for each rival of the same trade
where there are any, and two baselines: the founding script's prompt on the same model, and random questions
of the bank. A second server, which logs all that it can, gets the résumés with 504 pieces of made-up
personal data in them. The guard is asked about sentences that it was not made from. Intervals are bootstraps
over jobs. Without --encoder, likeness is that of words and relevance is not judged. --html is one file that
loads nothing.
Exit code 1: a criterion is not met, or could not be judged.
"""

import argparse
import shlex
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from askwell_client import Client
from askwell_interview import Encoder
from askwell_manifest import read_manifest

from ..ledger import Ledger
from ..number import count, count_or_none
from ..result import add_out, model_facts, write_whole
from ..serving import running_server
from .asking import ask
from .criterion import verdicts
from .facts import figures as figures_of
from .facts import measures
from .fluency import Likelihood, fluency
from .guarding import guard_check, held_out, judge_sentences
from .human import questions_from_csv
from .leak import leakage
from .likeness import library_of, remembered
from .outcome import Judges, Outcome
from .page import page
from .pair import Pair, pairs_from_folders, spread
from .table import print_tables

NAME = "quality"
_SHORT = 4
_DATA = Path("benchmarks") / "data"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--model", type=Path, required=True, metavar="DIR", help="a folder of askwell-convert")
    add("--encoder", type=Path, metavar="DIR", help="a sentence encoder's folder, for both sides")
    add("--jobs", type=Path, default=_DATA / "jobs", metavar="DIR", help=f"default {_DATA / 'jobs'}")
    add("--resumes", type=Path, default=_DATA / "resumes", metavar="DIR", help=f"default {_DATA / 'resumes'}")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--pairs", type=count, metavar="N", help="jobs to ask about (default: all)")
    length.add_argument("--short", action="store_true", help=f"{_SHORT} jobs: some minutes")
    add("--count", type=count, default=8, help="questions in a set (default 8)")
    add("--server-flags", default="", metavar="FLAGS", help="flags of the server, in one argument")
    add("--people", type=Path, metavar="FILE", help="CSV of real questions, columns question, followUp")
    add("--seed", type=count_or_none, default=0, help="of bank draws and canaries (default 0)")
    add("--html", type=Path, metavar="FILE", help="also write a report to look at")
    add_out(parser)


def run(arguments: argparse.Namespace) -> int:
    model = read_manifest(arguments.model)
    pairs = pairs_from_folders(arguments.jobs, arguments.resumes)
    wanted = min(_SHORT, len(pairs)) if arguments.short else arguments.pairs or len(pairs)
    chosen = spread(pairs, wanted)
    outcome, encoder = _outcome(arguments, pairs)

    def figures() -> dict[str, Any]:
        told = {"model": model_facts(model), "server_flags": arguments.server_flags, "count": arguments.count}
        likeness = str(arguments.encoder.name) if arguments.encoder else "words"
        return {**told, "likeness": likeness, "seed": arguments.seed, **figures_of(outcome)}

    def measure() -> None:
        guard, check = guard_check(encoder)
        outcome.guard = judge_sentences(guard, check, held_out())
        ledger.keep()
        _ask_all(arguments, chosen, outcome, ledger)
        leakage(
            arguments.model,
            _flags(arguments),
            pairs,
            {pair.name for pair in chosen},
            arguments.count,
            arguments.seed,
            lambda line: print(line, flush=True),
            outcome.leakage,
        )
        outcome.leakage_whole = True
        outcome.fluency = fluency(outcome.written(), outcome.judges.people, Likelihood(arguments.model))

    ledger = Ledger(NAME, arguments, figures, lambda: measures(outcome))
    ledger.measure(measure)
    print_tables(outcome)
    found = verdicts(outcome)
    if arguments.html:
        write_whole(arguments.html, page(outcome, found, model.name))
        print(f"\nreport: {arguments.html}")
    return ledger.close(found, [])


def _outcome(arguments: argparse.Namespace, pairs: Sequence[Pair]) -> tuple[Outcome, Encoder | None]:
    """An outcome with its judges, and the encoder if there is one."""
    people = questions_from_csv(arguments.people) if arguments.people else []
    encoder: Encoder | None = None
    encode = None
    if arguments.encoder:
        from askwell_server.domain.encoder import MiniLm
        from askwell_server.domain.encoder_folder import EncoderRefused

        try:
            encoder = MiniLm(arguments.encoder)
        except EncoderRefused as error:
            raise ValueError(str(error)) from None
        encode = remembered(encoder.encode)
    _, check = guard_check(encoder)
    library = library_of([pair.resume for pair in pairs], encode)
    return Outcome(Judges(pairs, library, encode, cache(check), people)), encoder


def _ask_all(arguments: argparse.Namespace, chosen: Sequence[Pair], outcome: Outcome, ledger: Ledger) -> None:
    random = Random(arguments.seed)
    with running_server(arguments.model, *_flags(arguments)) as address, Client(address) as client:
        client.questions(chosen[0].job, chosen[0].resume, count=2)  # what a first call warms up is no latency
        for number, pair in enumerate(chosen, start=1):
            other = chosen[number % len(chosen)]
            asked = ask(client, pair, other, arguments.count, random)
            outcome.jobs.append(asked)
            summary = asked.own.summary
            print(
                f"job {number}/{len(chosen)} {pair.name}: {summary.model_questions} of the model, "
                f"{summary.bank_questions} of the bank, first after {summary.first_question_s:.2f} s, "
                f"all after {summary.plan_s + summary.write_s:.2f} s",
                flush=True,
            )
            ledger.keep()


def _flags(arguments: argparse.Namespace) -> list[str]:
    encoder = ["--encoder", str(arguments.encoder)] if arguments.encoder else []
    return [*encoder, *shlex.split(arguments.server_flags)]
