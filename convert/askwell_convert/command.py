"""The command ``askwell-convert``.

askwell-convert EleutherAI/gpt-j-6b models/gpt-j-6b
askwell-convert SmolLM2-135M-Instruct.Q4_1.gguf models/smollm2 --target cuda
askwell-convert certify models/smollm2 --reference SmolLM2-135M-Instruct.Q4_1.gguf --text jobs/*.md
askwell-convert verify models/smollm2
askwell-convert inspect models/smollm2
"""

import argparse
import sys
from collections.abc import Sequence

from askwell_manifest import ManifestError

from .command_line import Parser, exit_code
from .commands import certify, convert, inspect, verify
from .errors import ConvertError

SUBCOMMANDS = {module.NAME: module for module in (certify, verify, inspect)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, 1 for a certificate that does not pass, 2 for input that cannot be used, 130 when
    interrupted."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    return exit_code(
        "askwell-convert",
        "convert",
        lambda: _run(given),
        (ConvertError, ManifestError),
        "interrupted; nothing was left behind",
    )


def _run(arguments: list[str]) -> int:
    """A source whose name is a subcommand's is given as ``./certify``."""
    name = arguments[0] if arguments else ""
    if name in SUBCOMMANDS:
        module = SUBCOMMANDS[name]
        parser = Parser(prog=f"askwell-convert {name}", description=module.__doc__)
        module.add_arguments(parser)
        status: int = module.run(parser.parse_args(arguments[1:]))
        return status
    others = [
        f"  askwell-convert {name:<8} {(module.__doc__ or '').splitlines()[0]}"
        for name, module in SUBCOMMANDS.items()
    ]
    parser = Parser(
        prog="askwell-convert",
        description=convert.__doc__,
        epilog="\n".join(["and, each with a --help of its own:", *others]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    convert.add_arguments(parser)
    return convert.run(parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
