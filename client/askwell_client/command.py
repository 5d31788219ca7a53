"""The ``askwell`` command: asks a running server from the shell.

    askwell questions --job job.md --resume resume.pdf --count 8
    askwell follow-up --question "What went wrong?" --answer answer.txt
    askwell follow-up --from questions.json --id probe-2 --answer answer.txt
    askwell check --jurisdiction US,EU < questions.txt
    askwell generate "Once upon a time" --stream
    askwell model
    askwell health

Exit status: 0 done, 1 the server failed or is not there, 2 wrong usage or input, 130 interrupted.
"""

import io
import os
import sys
from collections.abc import Sequence

from askwell_client.client import Client
from askwell_client.commands import check, follow_up, generate, health, model, questions
from askwell_client.commands.parser import Parser, UsageError
from askwell_client.commands.screen import Screen, shown
from askwell_client.errors import AskwellError, RequestError, ServerError

BROKEN_PIPE = 141  # what a shell reports for a program that SIGPIPE ended
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    _write_what_the_terminal_can_show()
    try:
        status = _run(arguments)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # The reader has seen enough. Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except KeyboardInterrupt:
        return INTERRUPTED
    except AskwellError as error:
        request = f" (request {error.request_id})" if isinstance(error, ServerError) else ""
        _complain(f"{error}{request}")
        return 2 if isinstance(error, RequestError) else 1
    except OSError as error:
        if error.filename is None:
            _complain(f"cannot write the output: {error.strerror}")
            return 1
        _complain(f"cannot read {error.filename}: {error.strerror}")
        return 2
    except UsageError as error:
        _complain(str(error))
        return 2


def _run(arguments: Sequence[str] | None) -> int:
    parser = Parser(prog="askwell", description="Ask an Askwell server.")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in (questions, follow_up, check, generate, model, health):
        command.add_parser(subparsers)
    options = parser.parse_args(arguments)
    with Client(options.server, timeout_s=options.timeout, retries=options.retries) as client:
        status: int = options.run(options, client, Screen())
    return status


def _complain(line: str) -> None:
    print(f"askwell: {shown(line)}", file=sys.stderr)


def _write_what_the_terminal_can_show() -> None:
    """A character that the output's encoding lacks becomes "?", not a crash."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
