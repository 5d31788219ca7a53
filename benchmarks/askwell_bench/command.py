"""``askwell-bench``: one subcommand per question, each prints a table and ends with one JSON line."""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from askwell_client import AskwellError


class _Parser(argparse.ArgumentParser):
    """Refuses in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, 1 when the measured thing does not hold, 2 for wrong input, 130 when interrupted."""
    try:
        return _run(arguments)
    except ModuleNotFoundError as error:
        print(f"askwell-bench: needs {error.name}: pip install 'askwell[bench]'", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"askwell-bench: {error.filename or 'a file'}: {error.strerror or error}", file=sys.stderr)
        return 2
    except (AskwellError, ValueError, RuntimeError) as error:
        print(f"askwell-bench: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _run(arguments: Sequence[str] | None) -> int:
    from askwell_bench import (
        fidelity,
        first_token,
        goodput,
        kills,
        overhead,
        overload,
        prefix_split,
        soak,
        tenants,
    )
    from askwell_bench.capacity import command as capacity
    from askwell_bench.compare import command as compare
    from askwell_bench.engine import command as engine
    from askwell_bench.gptj import command as gptj
    from askwell_bench.integrity import command as integrity
    from askwell_bench.load import command as load
    from askwell_bench.mutants import command as mutants
    from askwell_bench.pages import command as report
    from askwell_bench.peers import command as peers
    from askwell_bench.planner import command as planner
    from askwell_bench.quality import command as quality

    parser = _Parser(prog="askwell-bench", description="Measure Askwell; ratios, not times.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in (
        load,
        capacity,
        goodput,
        overload,
        tenants,
        engine,
        overhead,
        first_token,
        integrity,
        kills,
        soak,
        fidelity,
        prefix_split,
        planner,
        peers,
        gptj,
        mutants,
        quality,
        compare,
        report,
    ):
        summary = (module.__doc__ or "").splitlines()[0]
        command = commands.add_parser(module.NAME, help=summary, description=summary)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    parsed = parser.parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = parsed.run
    return run(parsed)
