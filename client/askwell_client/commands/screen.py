"""What the command writes: text for people, JSON for programs."""

import json
import sys
import unicodedata
from collections.abc import Mapping
from typing import Any

from rich.console import Console, RenderableType


class Screen(Console):
    """Standard output. Colour only on a terminal, 80 columns where there is none."""

    def __init__(self) -> None:
        super().__init__(markup=False, emoji=False, highlight=False)

    def on_broken_pipe(self) -> None:
        """Leaves it to ``command.main``, as for any other write; rich would end the process."""
        raise BrokenPipeError

    def show(self, what: RenderableType = "") -> None:
        """Prints; into a file or a pipe without the blanks that pad lines to the screen's width."""
        if self.is_terminal:
            self.print(what)
            return
        with self.capture() as capture:
            self.print(what)
        for line in capture.get().splitlines():
            sys.stdout.write(line.rstrip() + "\n")
        sys.stdout.flush()


def shown(text: str) -> str:
    """Text without control characters: a résumé or a model must not drive the terminal."""
    return "".join(each for each in text if each in "\n\t" or unicodedata.category(each) != "Cc")


def write(text: str) -> None:
    """Text as it is: no wrapping, no end of line, at once."""
    sys.stdout.write(shown(text))
    sys.stdout.flush()


def write_json(value: Mapping[str, Any], *, indent: int | None = 2) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=indent) + "\n")
    sys.stdout.flush()


def words(name: str) -> str:
    """An enum's value as people read it: UNVERIFIED_CLAIM, unverified claim."""
    return name.lower().replace("_", " ")
