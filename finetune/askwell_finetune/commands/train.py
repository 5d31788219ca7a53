"""Train a LoRA adapter on a data set's questions, as a TOML file says.

Writes a new folder: adapter/ (for askwell-convert --adapter), run.json, curves.svg, and checkpoints from which
--resume goes on as if nothing had happened. Several processes: accelerate launch -m askwell_finetune.command
train CONFIG.
"""

import argparse
from pathlib import Path

NAME = "train"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", type=Path, metavar="CONFIG.toml")
    parser.add_argument("--resume", action="store_true", help="go on with the run in the config's out folder")


def run(arguments: argparse.Namespace) -> int:
    from ..config import read_config

    config = read_config(arguments.config)
    from ..run import run_training

    run_training(config, resume=arguments.resume)
    return 0
