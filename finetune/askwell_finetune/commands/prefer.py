"""Teach an adapter which of two questions people preferred, by reviewers' decisions, as a TOML file says.

Direct preference optimisation on an export of reviews. Writes a new folder with the files of train: adapter/
(for askwell-convert --adapter), run.json and curves.svg. The file's keys: prefer_config.py.
"""

import argparse
from pathlib import Path

from .data import guard_encoder

NAME = "prefer"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", type=Path, metavar="CONFIG.toml")


def run(arguments: argparse.Namespace) -> int:
    from ..config import read_settings
    from ..prefer_config import PreferConfig
    from ..preference_run import run_preference

    config = read_settings(arguments.config, PreferConfig)
    run_preference(config, guard_encoder(Path(config.encoder) if config.encoder else None))
    return 0
