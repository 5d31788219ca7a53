"""Whether a source stayed as it was while it was read."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from .errors import ConvertError

READ_SUFFIXES = frozenset({".safetensors", ".bin", ".gguf", ".json", ".model", ".tiktoken", ".txt", ".jinja"})


@dataclass(frozen=True, slots=True)
class SourceFiles:
    """The files of a source as they were: size, time of the last change, and which file bears the name."""

    states: Mapping[Path, tuple[int, int, int]]

    @classmethod
    def now(cls, *sources: Path) -> Self:
        """The state of files, and of the files in folders that a conversion may read."""
        return cls({path: _state(path) for source in sources for path in _files(source)})

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Raises ConvertError when a file is another one at the end of the block, whatever that led to."""
        try:
            yield
        except (ConvertError, OSError):
            self._check()
            raise
        self._check()

    def _check(self) -> None:
        for path, state in self.states.items():
            try:
                same = _state(path) == state
            except OSError:
                same = False
            if not same:
                raise ConvertError(
                    f"{path} changed while it was read; convert again when nothing writes to it"
                )


def _files(source: Path) -> Iterator[Path]:
    if source.is_dir():
        yield from sorted(
            path for path in source.iterdir() if path.suffix in READ_SUFFIXES and path.is_file()
        )
    elif source.is_file():  # whoever opens it says what is wrong with one that is not there
        yield source


def _state(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ino
