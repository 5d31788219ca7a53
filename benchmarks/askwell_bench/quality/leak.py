"""Whether planted personal data comes out: in questions, plans, features, errors, log or metrics.

A server of its own, which logs all that it can (``--log-level debug``). Every résumé with its canaries goes
through ExtractFeatures and through calls that must fail; those of the measured jobs through GenerateQuestions
as well. The documents' texts are not asked for: they would hold what the résumé holds.
"""

import contextlib
import io
import json
import socket
import urllib.request
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from askwell_client import AskwellError, Client, Document, MediaType, Question, Slot

from ..serving import running_server
from .canary import Canary, Haystack, Persona, personas, planted
from .pair import Pair

CHANNELS = ("questions", "plans", "features", "errors", "log", "metrics")
_TIMEOUT_S = 300.0


@dataclass(slots=True)
class Leakage:
    """``found``: each canary that came out and where, as ``(channel, kind, place, text)``; the text is made
    up, so it may be shown. ``texts``: how many texts each channel gave to look through."""

    planted: int = 0
    sets: int = 0
    provoked: Counter[str] = field(default_factory=Counter)
    texts: Counter[str] = field(default_factory=Counter)
    found: list[tuple[str, str, str, str]] = field(default_factory=list)

    def look(self, channel: str, place: str, text: str, canaries: Sequence[Canary]) -> None:
        self.texts[channel] += 1
        haystack = Haystack(text)
        self.found += [(channel, c.kind, place, c.text) for c in canaries if haystack.holds(c)]

    def count(self, channel: str) -> int:
        """Different canaries that came out there."""
        return len({text for where, _, _, text in self.found if where == channel})

    @property
    def leaked(self) -> int:
        """Different canaries that came out anywhere."""
        return len({text for _, _, _, text in self.found})

    def by_kind(self) -> dict[str, int]:
        return dict(sorted(Counter(kind for kind, _ in {(k, t) for _, k, _, t in self.found}).items()))


def leakage(
    model: Path,
    flags: Sequence[str],
    pairs: Sequence[Pair],
    asked: Collection[str],
    count: int,
    seed: int,
    tell: Callable[[str], None],
    found: Leakage,
) -> None:
    """Fills ``found``. ``asked`` are the names of the pairs whose questions are generated too."""
    guests = personas(seed)
    everyone = [canary for persona in guests for canary in persona.canaries]
    found.planted = len(everyone)
    log, port = io.StringIO(), _free_port()
    watch = ("--log-level", "debug", "--metrics-port", str(port))
    with (
        contextlib.redirect_stderr(log),
        running_server(model, *flags, *watch) as address,
        Client(address, retries=0, timeout_s=_TIMEOUT_S) as client,
    ):
        for index, pair in enumerate(pairs):
            _one(client, pair, guests[index :: len(pairs)], pair.name in asked, count, found)
            tell(f"canaries {index + 1}/{len(pairs)} {pair.name}: {found.leaked} leaked so far")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as page:
            found.look("metrics", "the page", page.read().decode(), everyone)
    for line in log.getvalue().splitlines():
        found.look("log", "the server's output", line, everyone)


def _one(
    client: Client, pair: Pair, guests: Sequence[Persona], ask: bool, count: int, found: Leakage
) -> None:
    resume = planted(pair.resume, guests)
    canaries = [canary for persona in guests for canary in persona.canaries]
    features = client.features(pair.job, resume).features
    found.look("features", pair.name, _json(features.to_dict()), canaries)
    for name, text in provoked(client, pair.job, resume):
        found.provoked[name] += 1
        found.look("errors", f"{pair.name}: {name}", text, canaries)
    if ask:
        result = client.questions(pair.job, resume, count=count)
        found.sets += 1
        found.look("plans", pair.name, _json(result.plan.to_dict()), canaries)
        for question in result.questions:
            found.look("questions", pair.name, _json(question.to_dict()), canaries)


def provoked(client: Client, job: str, resume: str) -> list[tuple[str, str]]:
    """What the server says to calls that must fail, by what was wrong with them."""
    raw = resume.encode()
    long_core = Question.from_dict({"text": resume[:4000], "slot": "CORE"})
    calls: dict[str, Callable[[], Any]] = {
        "text sent as PDF": lambda: client.questions(job, Document(raw, MediaType.PDF)),
        "text sent as DOCX": lambda: client.questions(job, Document(b"PK\x03\x04" + raw, MediaType.DOCX)),
        "not UTF-8": lambda: client.features(job, Document(raw + b"\xff\xfe\xfa", MediaType.TEXT)),
        "empty job": lambda: client.questions("", resume),
        "count beyond the limit": lambda: client.questions(job, resume, count=10_000),
        "seed with sampling": lambda: client.questions(job, resume, seed=7),
        "document as a core question": lambda: client.questions(job, resume, core_questions=[long_core]),
        "probe as a core question": lambda: client.questions(
            job, resume, core_questions=[Question.from_dict({"text": resume[:300], "slot": Slot.PROBE})]
        ),
    }
    said = []
    for name, call in calls.items():
        try:
            call()
        except AskwellError as error:
            said.append((name, f"{error} {vars(error)!r}"))
    return said


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
