"""docs/architecture.md names every module of ours, by the first line of its docstring."""

import ast
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_every_module_stands_in_a_line() -> None:
    told = (ROOT / "docs" / "architecture.md").read_text().splitlines()
    built = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    lines = []
    for package in built["packages"]:
        for path in sorted((ROOT / package).rglob("*.py")):
            if path.name != "__init__.py" and "_pb2" not in path.name:
                said = ast.get_docstring(ast.parse(path.read_text())) or ""
                lines.append(f"- `{path.relative_to(ROOT / package)}` {said.partition(chr(10))[0]}".rstrip())
    assert [line for line in lines if line not in told] == []
