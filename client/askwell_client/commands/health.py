"""``askwell health``: whether the server takes requests."""

import argparse
from typing import TYPE_CHECKING

from askwell_client.client import Client
from askwell_client.commands.parser import add_connection
from askwell_client.commands.screen import Screen, write, write_json
from askwell_client.model import Health

if TYPE_CHECKING:
    from askwell_client.commands.parser import Subparsers


def add_parser(subparsers: "Subparsers") -> None:
    parser = subparsers.add_parser("health", help="whether the server takes requests (exit status 0 or 1)")
    add_connection(parser, timeout_s=5)
    parser.set_defaults(run=run, retries=0)  # it tells what is, not what might come


def run(options: argparse.Namespace, client: Client, screen: Screen) -> int:
    health = client.health()
    if options.json:
        write_json({"status": health.value})
    else:
        write(f"{health.value}\n")
    return 0 if health is Health.SERVING else 1
