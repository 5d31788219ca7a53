"""The command ``askwell-convert``.

askwell-convert EleutherAI/gpt-j-6b models/gpt-j-6b
askwell-convert SmolLM2-135M-Instruct.Q4_1.gguf models/smollm2 --target cuda
askwell-convert certify models/smollm2 --reference SmolLM2-135M-Instruct.Q4_1.gguf --text jobs/*.md
askwell-convert verify models/smollm2
askwell-convert inspect models/smollm2
"""

import argparse
import io
import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

from askwell_manifest import ManifestError

from .commands import certify, convert, inspect, verify
from .errors import ConvertError

SUBCOMMANDS = {module.NAME: module for module in (certify, verify, inspect)}
BAD_INPUT, INTERRUPTED = 2, 130
LONGEST_LINE = 800  # characters
BROKEN_PIPE = 141  # what a shell reports for a program that SIGPIPE ended


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, 1 for a certificate that does not pass, 2 for input that cannot be used, 130 when
    interrupted."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    if isinstance(sys.stdout, io.TextIOWrapper):  # names of files and signs that it cannot spell are escaped
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = _run(given)
        sys.stdout.flush()
        return status
    except (ConvertError, ManifestError) as error:
        _say(str(error))
    except BrokenPipeError:
        # The reader has seen enough. Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except OSError as error:
        _say(f"{error.filename or 'a file'}: {error.strerror or error}")
    except ModuleNotFoundError as error:
        _say(f"needs {error.name}: pip install 'askwell[convert]'")
    except MemoryError:
        _say("this needs more memory than this machine gives")
    except KeyboardInterrupt:
        _say("interrupted; nothing was left behind")
        return INTERRUPTED
    return BAD_INPUT


def _run(arguments: list[str]) -> int:
    """A source whose name is a subcommand's is given as ``./certify``."""
    name = arguments[0] if arguments else ""
    if name in SUBCOMMANDS:
        module = SUBCOMMANDS[name]
        parser = _Parser(prog=f"askwell-convert {name}", description=module.__doc__)
        module.add_arguments(parser)
        status: int = module.run(parser.parse_args(arguments[1:]))
        return status
    others = [
        f"  askwell-convert {name:<8} {(module.__doc__ or '').splitlines()[0]}"
        for name, module in SUBCOMMANDS.items()
    ]
    parser = _Parser(
        prog="askwell-convert",
        description=convert.__doc__,
        epilog="\n".join(["and, each with a --help of its own:", *others]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    convert.add_arguments(parser)
    return convert.run(parser.parse_args(arguments))


def _say(reason: str) -> None:
    """One line, whatever a file of someone else's had in the names that the reason quotes."""
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in reason)
    if len(line) > LONGEST_LINE:
        line = f"{line[: LONGEST_LINE // 2]} … {line[-LONGEST_LINE // 2 :]}"
    print(f"askwell-convert: {line}", file=sys.stderr)


class _Parser(argparse.ArgumentParser):
    """Refuses in one line, as everything else here does."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{self.prog}: {message} (see {self.prog} --help)\n")


def _interrupt(signum: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
