"""Train a small GPT-J of our own from nothing, with a vocabulary of its own, as a TOML file says.

Writes a new folder: start/ with random weights, and run/ with the files of train, its model/ for
askwell-convert. The file's keys: scratch_config.py.
"""

import argparse
from pathlib import Path

NAME = "scratch"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", type=Path, metavar="CONFIG.toml")
    parser.add_argument("--resume", action="store_true", help="go on with the run in the config's out folder")


def run(arguments: argparse.Namespace) -> int:
    from ..config import read_settings
    from ..scratch import run_scratch
    from ..scratch_config import ScratchConfig

    run_scratch(read_settings(arguments.config, ScratchConfig), resume=arguments.resume)
    return 0
