"""Train a LoRA adapter on a data set's questions, as a TOML file says.

Writes a new folder: adapter/ (for askwell-convert --adapter), run.json, curves.svg, and checkpoints from
which --resume goes on as if nothing had happened. Several processes: torchrun --nproc-per-node 2 -m
askwell_finetune.command train CONFIG.toml, or accelerate launch (docs/finetuning.md).
"""

import argparse
from pathlib import Path

NAME = "train"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", type=Path, metavar="CONFIG.toml")
    parser.add_argument("--resume", action="store_true", help="go on with the run in the config's out folder")


def run(arguments: argparse.Namespace) -> int:
    from ..config import read_config
    from ..run import run_training

    run_training(read_config(arguments.config), resume=arguments.resume)
    return 0
