"""What the commands that convert and fine-tune share: every refusal is one line and an exit code."""

import argparse
import io
import os
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

BAD_INPUT, INTERRUPTED = 2, 130
BROKEN_PIPE = 141  # what a shell reports for a program that SIGPIPE ended
LONGEST_LINE = 800  # characters


class Parser(argparse.ArgumentParser):
    """Refuses in one line, as everything else here does."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{self.prog}: {message} (see {self.prog} --help)\n")


def exit_code(
    program: str, extra: str, run: Callable[[], int], refusals: tuple[type[Exception], ...], interrupted: str
) -> int:
    """What ``run`` returns; where it ends with one of ``refusals``, or with what can happen to any command,
    one line on stderr and 2, 130 for an interrupt, SIGTERM among them, or 141 for a reader that left.

    ``extra``: of askwell, with what ``program`` needs. ``interrupted``: what to say of an interrupt that
    says nothing itself."""
    signal.signal(signal.SIGTERM, _interrupt)
    if isinstance(sys.stdout, io.TextIOWrapper):  # names of files and signs that it cannot spell are escaped
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = run()
        sys.stdout.flush()
        return status
    except refusals as error:
        reason = str(error)
    except BrokenPipeError:
        # The reader has seen enough. Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except OSError as error:
        reason = f"{error.filename or 'a file'}: {error.strerror or error}"
    except ModuleNotFoundError as error:
        reason = f"needs {error.name}: pip install 'askwell[{extra}]'"
    except MemoryError:
        reason = "this needs more memory than this machine gives"
    except KeyboardInterrupt as interrupt:
        _say(program, str(interrupt) or interrupted)
        return INTERRUPTED
    _say(program, reason)
    return BAD_INPUT


def _say(program: str, reason: str) -> None:
    """One line, whatever a file of someone else's had in the names that the reason quotes."""
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in reason)
    if len(line) > LONGEST_LINE:
        line = f"{line[: LONGEST_LINE // 2]} … {line[-LONGEST_LINE // 2 :]}"
    print(f"{program}: {line}", file=sys.stderr)


def _interrupt(signum: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt
