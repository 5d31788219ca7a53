"""One question of the page: which files answer it, what they show, and how to measure it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .machine import Surroundings, model_name
from .markdown import counted
from .source import Result


@dataclass(frozen=True, slots=True)
class Section:
    """``parts`` are tables by name; an empty one was not measured. ``files`` is empty when nothing was."""

    command: str
    files: Sequence[Result]
    parts: Mapping[str, str] = field(default_factory=dict)

    @property
    def measured(self) -> bool:
        return bool(self.files)

    def __getitem__(self, name: str) -> str:
        """A table, or what to run for it."""
        return self.parts[name] or f"Not measured: `{self.command}` measures it."

    def has(self, name: str) -> bool:
        return bool(self.parts.get(name))

    def told(self, usual: Surroundings, folder: str) -> str:
        """When, with what, and what is wrong with it; ``folder`` is where a link finds the files."""
        if not self.files:
            return f"Not measured: `{self.command}` measures it."
        about: dict[tuple[str, ...], list[str]] = {}
        for each in self.files:
            about.setdefault(_facts(each, usual), []).append(f"[{each.name}]({folder}/{each.name}.json)")
        lines = ["; ".join([", ".join(names), *facts]) + "." for facts, names in about.items()]
        lines += [f"**Partial:** {_why(each)}" for each in self.files if each.partial]
        lines += [
            f"**Left out** for lack of time or memory: {'; '.join(map(str, left_out))}."
            for each in self.files
            if isinstance(left_out := each.get("left_out"), list) and left_out
        ]
        return "\n".join(f"- {line}" for line in lines) if len(lines) > 1 else f"From {lines[0]}"


def _facts(result: Result, usual: Surroundings) -> tuple[str, ...]:
    threads = result.get("threads")
    facts = (
        f"{'tried' if result.failed else 'measured'} {result.get('date') or 'on an unknown day'}",
        model_name(result.get("model")),
        counted(threads, "thread") if threads else "",
        "**a short run: a look, not a finding**" if result.get("short") else "",
        *usual.differing(result),
    )
    return tuple(fact for fact in facts if fact)


def _why(result: Result) -> str:
    reason = result.get("stopped") or result.get("reason") or "the run ended before its end"
    return f"{result.name}: {reason}. What it had measured by then is shown."
