"""What became of one mutant: a clean refusal, a right conversion, or a fault of the converter."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from askwell_manifest import MANIFEST_NAME

from .converter import Converter, Died, left_behind
from .mutation import Mutant, Owed, Random
from .source import tiny_source, write_source
from .worker import Answer, Job

GOOD = ("refused", "same", "right")
FAULTS = ("died", "traceback", "memory", "unclear", "wrong", "left behind")
LONGEST_LINE = 1000  # characters of a refusal
PREFIX = "askwell-convert: "

Fingerprint = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """``kind`` is one of GOOD or FAULTS; ``told`` is what the mutation did, ``said`` what it said."""

    mutant: Mutant
    kind: str
    told: str
    said: str
    grown_bytes: int = 0
    seconds: float = 0.0


def judge(mutant: Mutant, converter: Converter, folder: Path, whole: Fingerprint) -> Verdict:
    """Make the mutant in ``folder``, convert it there, and compare: ``whole`` is the undamaged conversion."""
    random = Random(mutant.seed)
    source, told = tiny_source(mutant.format), None
    if mutant.mutation.change:
        source = mutant.mutation.change(source, random)
    path = write_source(source, folder)
    if mutant.mutation.damage:
        told = mutant.mutation.damage(path, random)
    there = {each.name for each in folder.iterdir()}
    try:
        answer = converter.ask(Job.of(path, folder / "model"))
    except Died as error:
        return Verdict(mutant, "died", told or "", str(error))
    kind, said = _kind(answer), answer.said.strip()
    if left := left_behind(folder, there | ({"model"} if answer.code == 0 else set())):
        kind, said = "left behind", ", ".join(left)
    if kind == "converted":
        kind, said = _compared(mutant, converter, path, folder, whole)
    elif kind == "refused" and mutant.mutation.owed is Owed.SAME:
        kind = "wrong"
    return Verdict(mutant, kind, told or "", said, answer.grown_bytes, answer.seconds)


def fingerprint(folder: Path) -> Fingerprint:
    """A model folder, save what tells one conversion from another: when it was, and how long it took."""
    prints: Fingerprint = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if path.name != MANIFEST_NAME
    }
    manifest = json.loads((folder / MANIFEST_NAME).read_text(encoding="utf-8"))
    return prints | {name: value for name, value in manifest.items() if name != "conversion"}


def _kind(answer: Answer) -> str:
    """``converted``, or what the answer says by itself."""
    if answer.code is None or "Traceback" in answer.said or "panicked" in answer.said:
        return "traceback"
    if answer.code == 0:
        return "converted"
    line = answer.said.removesuffix("\n")
    if "memory" in line and "needs more" in line:
        return "memory"
    clean = line.startswith(PREFIX) and line.isprintable() and len(line) <= LONGEST_LINE
    return "refused" if answer.code == 2 and clean else "unclear"


def _compared(
    mutant: Mutant, converter: Converter, path: Path, folder: Path, whole: Fingerprint
) -> tuple[str, str]:
    owed = mutant.mutation.owed
    found = fingerprint(folder / "model")
    if owed is Owed.REFUSED:
        return "wrong", "converted what is to be refused"
    if found == whole:
        return "same", ""
    if owed is Owed.SAME:
        return "wrong", "converted to something else"
    try:
        answer = converter.ask(Job.of(path, folder / "other-readers", again=True))
    except Died as error:
        return "wrong", f"converted; other readers: {error}"
    if answer.code != 0:
        return "wrong", f"converted; other readers: {answer.said.strip().splitlines()[-1:]}"
    again = fingerprint(folder / "other-readers")
    if found != again:
        differing = sorted(name for name in found.keys() | again.keys() if found.get(name) != again.get(name))
        return "wrong", f"converted, but other readers make other {', '.join(differing)} of it"
    return "right", ""
