"""Jobs, the résumés that apply for them, each résumé's twin, and rivals of the same trade."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TWINS = "twins.toml"
RIVALS = "rivals"


@dataclass(frozen=True, slots=True)
class Pair:
    """``twin``: the résumé with another name, gender or school and nothing else changed. ``rivals``: résumés
    of other people of the same trade; most jobs have none."""

    name: str
    job: str
    resume: str
    twin: str
    rivals: tuple[str, ...] = ()


def pairs_from_folders(jobs: Path, resumes: Path) -> list[Pair]:
    """Each job with the résumé of the same name, in the order of names.

    The twins stand in twins.toml beside the folder of résumés, rivals in rivals/NAME/*.md. Raises ValueError
    when a job has no résumé or a résumé no twin.
    """
    texts = {path.stem: path.read_text(encoding="utf-8") for path in sorted(resumes.glob("*.md"))}
    changes = tomllib.loads((resumes.parent / TWINS).read_text(encoding="utf-8"))
    pairs = []
    for path in sorted(jobs.glob("*.md")):
        if path.stem not in texts:
            raise ValueError(f"{path} has no résumé {resumes / path.name}")
        if path.stem not in changes:
            raise ValueError(f"{resumes.parent / TWINS} has no table [{path.stem}]")
        resume = texts[path.stem]
        twin = twin_of(resume, changes[path.stem])
        found = sorted((resumes.parent / RIVALS / path.stem).glob("*.md"))
        rivals = tuple(each.read_text(encoding="utf-8") for each in found)
        pairs.append(Pair(path.stem, path.read_text(encoding="utf-8"), resume, twin, rivals))
    if len(pairs) < 2:
        raise ValueError(f"{jobs} holds {len(pairs)} jobs as .md files; two at least, to swap their résumés")
    return pairs


def twin_of(resume: str, changes: Mapping[str, str]) -> str:
    """Raises ValueError when something to be changed is not there: the twin would be the same person."""
    twin = resume
    for old, new in changes.items():
        if old not in resume:
            raise ValueError(f"{TWINS} changes {old!r}, which the résumé does not hold")
        twin = twin.replace(old, new)
    return twin


def spread(pairs: Sequence[Pair], wanted: int) -> list[Pair]:
    """``wanted`` of the pairs, evenly spread over them."""
    if not 2 <= wanted <= len(pairs):
        raise ValueError(f"--pairs is {wanted}; it must be 2 to {len(pairs)}")
    return [pairs[index * len(pairs) // wanted] for index in range(wanted)]
