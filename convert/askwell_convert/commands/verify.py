"""Read every file of a model folder again, load it, and let it continue a sentence, or encode it."""

import argparse
from pathlib import Path

NAME = "verify"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="the model folder")


def run(arguments: argparse.Namespace) -> int:
    from ..verify import verify

    told = verify(arguments.folder)
    print(f"{arguments.folder}: {told.files} files as they were written, {told.bytes / 1e6:,.0f} MB")
    print(f"  {told.prompt}{told.continuation!r}" if told.continuation is not None else "  it encodes")
    return 0
