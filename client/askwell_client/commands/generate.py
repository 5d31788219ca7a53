"""``askwell generate``: continue a prompt. Standard output holds the text alone, what it cost goes beside."""

import argparse
import sys
from typing import TYPE_CHECKING, Any

from askwell_client.client import Client
from askwell_client.commands.parser import UsageError, add_connection, add_sampling, given, seconds
from askwell_client.commands.screen import Screen, words, write, write_json
from askwell_client.generation import ChatMessage, Delta, Prompt, Sample, Started

if TYPE_CHECKING:
    from askwell_client.commands.parser import Subparsers

_EVENT_NAMES: dict[type, str] = {Started: "started", Delta: "delta", Sample: "finished"}


def add_parser(subparsers: "Subparsers") -> None:
    parser = subparsers.add_parser("generate", help="continue a prompt")
    parser.add_argument(
        "prompt", nargs="?", default="-", metavar="PROMPT", help="the text, or - to read standard input"
    )
    parser.add_argument("--stream", action="store_true", help="print the text as it comes")
    parser.add_argument(
        "--chat", action="store_true", help="put the prompt to a chat model as the user's turn"
    )
    parser.add_argument("--min-new-tokens", type=int, metavar="N", help="tokens to write at least")
    parser.add_argument(
        "--stop", action="append", dest="stop_sequences", metavar="TEXT", help="end at this text (repeatable)"
    )
    parser.add_argument(
        "--time-limit",
        type=seconds,
        dest="time_limit_s",
        metavar="SECONDS",
        help="end with what there is after so long (--timeout ends with nothing)",
    )
    parser.add_argument(
        "--reproducible", action="store_const", const=True, help="the same tokens in any company, at a cost"
    )
    add_sampling(parser)
    add_connection(parser, timeout_s=300)
    parser.set_defaults(run=run, retries=3)


def run(options: argparse.Namespace, client: Client, screen: Screen) -> int:
    prompt = _prompt(options)
    asked = given(options, "min_new_tokens", "stop_sequences", "time_limit_s", "reproducible")
    if options.stream and options.json:
        for event in client.stream(prompt, **asked):
            write_json({_EVENT_NAMES[type(event)]: event.to_dict()}, indent=None)
    elif options.stream:
        _stream(client, prompt, asked, samples=options.num_return or 1)
    elif options.json:
        write_json(client.generate(prompt, **asked).to_dict())
    else:
        generation = client.generate(prompt, **asked)
        for sample in generation.samples:
            _write_sample(sample, of=len(generation.samples))
    return 0


def _prompt(options: argparse.Namespace) -> Prompt:
    text: str = options.prompt
    if text == "-":
        if sys.stdin.isatty():
            raise UsageError("give a PROMPT, or pipe one into standard input")
        try:
            text = sys.stdin.read().removesuffix("\n")  # what echo adds is not part of a prompt
        except UnicodeDecodeError:
            raise UsageError("the prompt on standard input is not UTF-8 text") from None
    if not text:
        raise UsageError("the prompt is empty")
    return [ChatMessage("user", text)] if options.chat else text


def _stream(client: Client, prompt: Prompt, asked: dict[str, Any], samples: int) -> None:
    """One sample is written letter by letter; several, which come interleaved, each when it is finished."""
    for event in client.stream(prompt, **asked):
        if isinstance(event, Delta) and samples == 1:
            write(event.text)
        elif isinstance(event, Sample) and samples == 1:
            write("\n")
            _write_cost(event)
        elif isinstance(event, Sample):
            _write_sample(event, of=samples)


def _write_sample(sample: Sample, of: int) -> None:
    if of > 1:
        write(f"--- sample {sample.index + 1} of {of}\n")
    write(sample.text + "\n")
    _write_cost(sample)


def _write_cost(sample: Sample) -> None:
    timing, usage = sample.timing, sample.usage
    total_s = timing.queue_s + timing.prefill_s + timing.decode_s
    print(
        f"[{usage.new_tokens} tokens, ended by {words(sample.finish_reason)};"
        f" first token after {timing.first_token_s:.3f} s, all after {total_s:.3f} s]",
        file=sys.stderr,
    )
