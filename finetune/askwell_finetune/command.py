"""The command ``askwell-finetune``: data, train, prefer, eval, scratch, each a subcommand with its --help."""

import argparse
import io
import signal
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from askwell_convert.errors import ConvertError

BAD_INPUT, INTERRUPTED = 2, 130
LONGEST_LINE = 800  # characters


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, 2 for input that cannot be used, 130 when interrupted; every refusal is one line."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    if isinstance(sys.stdout, io.TextIOWrapper):  # names of files and signs that it cannot spell are escaped
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        subcommands = _subcommands()
        parsed = _parser(subcommands).parse_args(given)
        status: int = subcommands[parsed.subcommand].run(parsed)
        return status
    except (ValueError, ConvertError) as error:
        _say(str(error))
    except OSError as error:
        _say(f"{error.filename or 'a file'}: {error.strerror or error}")
    except ModuleNotFoundError as error:
        _say(f"needs {error.name}: pip install 'askwell[finetune]'")
    except MemoryError:
        _say("this needs more memory than this machine gives")
    except KeyboardInterrupt as interrupt:
        _say(str(interrupt) or "interrupted")
        return INTERRUPTED
    return BAD_INPUT


def _subcommands() -> dict[str, Any]:
    """Imported here, so that what they lack is said in one line."""
    from .commands import data, eval, prefer, scratch, train

    return {module.NAME: module for module in (data, train, prefer, eval, scratch)}


def _parser(subcommands: dict[str, Any]) -> argparse.ArgumentParser:
    parser = _Parser(prog="askwell-finetune", description="Teach a model to ask interview questions.")
    subparsers = parser.add_subparsers(dest="subcommand", required=True, metavar="COMMAND")
    for name, module in subcommands.items():
        told = module.__doc__ or ""
        module.add_arguments(subparsers.add_parser(name, description=told, help=told.splitlines()[0]))
    return parser


def _say(reason: str) -> None:
    """One line, whatever a file of someone else's had in the names that the reason quotes."""
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in reason)
    if len(line) > LONGEST_LINE:
        line = f"{line[: LONGEST_LINE // 2]} … {line[-LONGEST_LINE // 2 :]}"
    print(f"askwell-finetune: {line}", file=sys.stderr)


class _Parser(argparse.ArgumentParser):
    """Refuses in one line, as everything else here does."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{self.prog}: {message} (see {self.prog} --help)\n")


def _interrupt(signum: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
