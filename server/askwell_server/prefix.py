"""The beginnings of prompts that the operator registers: ``[[prefix]]`` tables of the TOML file.

    [[prefix]]
    name = "questions"
    file = "preambles/questions.txt"    # from the TOML file's folder; or text = "..."

The engine computes each once, at its start, and keeps it. A prompt whose tokens begin with it is answered
without computing that part again (policy full, and not reproducible). Its last token is left out, since it
may join what follows. For a chat model write it as the chat template renders it. A file is taken as it is,
its last newline included.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

from .setting import ConfigError

KEYS = ("name", "text", "file")


def prefixes_from_toml(tables: object, source: Path) -> tuple[str, ...]:
    """The texts, in the file's order. Raises ConfigError, one line, that names the table."""
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ConfigError(f"prefix in {source}: write each as a [[prefix]] table")
    texts: dict[str, str] = {}
    for place, table in enumerate(tables, 1):
        name = table.get("name")
        where = f"[[prefix]] {name!r} in {source}" if name else f"[[prefix]] number {place} in {source}"
        text = _text(table, where, source)
        if name in texts:
            raise ConfigError(f"{where}: the name is taken by an earlier one")
        texts[name] = text
    return tuple(texts.values())


def _text(table: Mapping[str, object], where: str, source: Path) -> str:
    for key in table:
        if key not in KEYS:
            near = get_close_matches(key, KEYS, 1, 0.5)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ConfigError(f"{where}: unknown key {key!r}{hint}")
    for key, value in table.items():
        if not isinstance(value, str) or not value:
            raise ConfigError(f"{where}: {key} must be text, and not empty")
    if "name" not in table:
        raise ConfigError(f"{where}: give it a name")
    if ("text" in table) == ("file" in table):
        raise ConfigError(f"{where}: give it either text or file")
    if "text" in table:
        return str(table["text"])
    path = source.parent / Path(str(table["file"]))
    try:
        text = path.read_bytes().decode("utf-8")  # read_text would change line ends
    except OSError as error:
        raise ConfigError(f"{where}: cannot read {path}: {error.strerror}") from None
    except ValueError:  # not UTF-8, or a NUL in the path
        raise ConfigError(f"{where}: {path} is not UTF-8 text") from None
    if not text:
        raise ConfigError(f"{where}: {path} is empty")
    return text
