"""Print what a model folder or a source holds, and what memory it needs.

The table's last columns are the cache of 1,000 tokens of one row; a decoding step copies it and needs as much
again. A CPU computes in float32 what is no int8, whatever the file holds.
"""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..inspect import Inspection

NAME = "inspect"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="DIR|SOURCE", help="a model folder, or what could be converted")
    parser.add_argument("--revision", help="the branch, tag or commit of a hub id")


def run(arguments: argparse.Namespace) -> int:
    from ..inspect import inspect

    print("\n".join(_lines(inspect(arguments.model, arguments.revision))))
    return 0


def _lines(found: "Inspection") -> list[str]:
    from .certify import certificate_lines

    revision = f"@{found.revision}" if found.revision else ""
    lines = [
        f"{found.label}{revision}: {found.architecture}, {found.values / 1e6:,.1f} M parameters, "
        f"{found.positions:,} positions, {found.vocabulary_size:,} tokens",
        f"  stored as {found.stored}" + (f", {_size(found.bytes)}" if found.bytes else ""),
        "",
        f"  {'variable':<48}{'shape':>16}{'layers':>8}{'parameters':>13}",
    ]
    for group in found.groups:
        shape = " × ".join(f"{size:,}" for size in group.shape)
        lines.append(f"  {group.name:<48}{shape:>16}{group.count:>8}{group.values / 1e6:>11,.2f} M")
    lines += ["", f"  {'':<14}{'GPU':>10}{'CPU':>10}{'loading':>10}{'GPU cache':>12}{'CPU cache':>12}"]
    for need in found.needs:
        lines.append(
            f"  {need.precision:<14}{_size(need.gpu):>10}{_size(need.cpu):>10}{_size(need.cpu_loading):>10}"
            f"{_size(need.gpu_cache):>12}{_size(need.cpu_cache):>12}"
        )
    if found.manifest is not None:
        certificate = found.manifest.certificate
        lines += ["", "  certificate" if certificate else "  no certificate"]
        lines += [f"  {line}" for line in certificate_lines(certificate)] if certificate else []
    return lines


def _size(count: int) -> str:
    return f"{count / 1e9:,.2f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB"
