"""``askwell model``: the model that is served."""

import argparse
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from askwell_client.client import Client
from askwell_client.commands.parser import add_connection
from askwell_client.commands.screen import Screen, shown, words, write_json
from askwell_client.model import Certificate

if TYPE_CHECKING:
    from askwell_client.commands.parser import Subparsers


def add_parser(subparsers: "Subparsers") -> None:
    parser = subparsers.add_parser("model", help="describe the model that is served")
    add_connection(parser, timeout_s=10)
    parser.set_defaults(run=run, retries=3)


def run(options: argparse.Namespace, client: Client, screen: Screen) -> int:
    model = client.model()
    if options.json:
        write_json(model.to_dict())
        return 0
    weights = model.quantization
    if model.weight_range:
        weights += f", weights within ±{model.weight_range}"
    rows = {
        "name": model.name,
        "architecture": model.architecture,
        "prompt style": words(model.prompt_style),
        "positions": f"{model.positions:,}",
        "vocabulary": f"{model.vocabulary_size:,}",
        "stored as": weights,
        "computes in": model.compute_type,
        "devices": ", ".join(model.devices),
        "source": model.source,
        "revision": model.revision,
        "sha256": model.sha256,
        "certificate": _told(model.certificate) if model.certificate else "",
        "server": model.server_version,
    }
    grid = Table.grid(padding=(0, 2))
    for label, value in rows.items():
        if value:
            grid.add_row(Text(label, style="dim"), Text(shown(value), overflow="fold"))
    screen.show(grid)
    return 0


def _told(certificate: Certificate) -> str:
    ratio = certificate.perplexity_ratio_interval
    return (
        f"perplexity × {certificate.perplexity_ratio:.3f} ({ratio.low:.3f} … {ratio.high:.3f}), "
        f"KL {certificate.mean_kl:.3f}, same top-1 {certificate.same_top1:.3f} "
        f"of {certificate.tokens:,} tokens, {certificate.compute_type} on {certificate.device}: "
        f"{certificate.instruction_set}, {certificate.date}"
    )
