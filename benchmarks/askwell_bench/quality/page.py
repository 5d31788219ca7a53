"""The report as one HTML file: verdicts, charts, for a few jobs the questions themselves, then every table.

It loads nothing: no script, no font, no picture of elsewhere.
"""

import re
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from random import Random

from askwell_client import Question, QuestionSet

from ..verdict import Verdict
from .asking import Asked, probes
from .outcome import Outcome
from .picture import charts
from .table import Row, guard_categories, tables

_SHOWN_JOBS, _SHOWN_PEOPLE, _SHOWN_LEAKS, _SHOWN_FLAWS = 4, 12, 40, 60
_FIGURE = re.compile(r"[\d.,/% -]+(?: \[[\d., -]+\])?")


def page(found: Outcome, verdicts: Sequence[Verdict], model: str) -> str:
    sections = [("Verdicts", _verdicts(verdicts))]
    if found.jobs:
        sections += [
            ("At a glance", f'<div class="charts">{charts(found)}</div>'),
            ("The questions themselves", _jobs(found)),
        ]
    if rivals := [asked for asked in found.jobs if asked.rivals]:
        sections.append(("Probes for people of one trade", _rivals(rivals[0])))
    if found.judges.people:
        sections.append(("Questions that people asked", _people(found)))
    sections += [(title, _table(rows)) for title, rows in tables(found)]
    if found.guard:
        sections.append(("Guard: sentences refused", _table(guard_categories(found))))
    if flaws := found.flaws():
        heads = ("job", "set", "question", "what is wrong")
        sections.append(("Questions with a flaw", _table([heads, *flaws[:_SHOWN_FLAWS]])))
    if found.leakage.found:
        sections.append(("What came out", _leaks(found)))
    links = "".join(f'<li><a href="#s{n}">{escape(title)}</a></li>' for n, (title, _) in enumerate(sections))
    body = "".join(
        f'<section id="s{n}"><h2>{escape(title)}</h2>{told}</section>'
        for n, (title, told) in enumerate(sections)
    )
    style = (files(__package__) / "page.css").read_text(encoding="utf-8")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Questions of {escape(model)}</title><style>{style}</style></head>"
        f"<body><h1>Questions of {escape(model)}</h1><nav><ul>{links}</ul></nav>{body}</body></html>\n"
    )


def _verdicts(verdicts: Sequence[Verdict]) -> str:
    rows = []
    for each in verdicts:
        word = each.line.split(":", 1)[0]
        cells = f"<td>{escape(each.criterion)}</td><td>{escape(each.found)}</td>"
        rows.append(f'<tr><td class="{word}">{word}</td>{cells}</tr>')
    held = sum(each.held is True for each in verdicts)
    return f"<p>{held} of {len(verdicts)} criteria are met.</p><table>{''.join(rows)}</table>"


def _jobs(found: Outcome) -> str:
    shown = found.jobs[:: max(1, len(found.jobs) // _SHOWN_JOBS)][:_SHOWN_JOBS]
    return "".join(_job(asked) for asked in shown)


def _job(asked: Asked) -> str:
    return _columns(
        asked.name,
        [
            ("The right résumé", _questions(asked.own.questions)),
            (f"The résumé of {asked.other_name}, same core", _questions(asked.other.questions)),
            ("The founding prompt", _list(asked.founding)),
            ("Random questions of the bank", _list(asked.bank)),
        ],
    )


def _rivals(asked: Asked) -> str:
    def told(each: QuestionSet) -> str:
        return _questions(probes(each))

    others = [(f"Rival {number}", told(each)) for number, each in enumerate(asked.rivals, start=1)]
    return _columns(asked.name, [("The job's own candidate", told(asked.own)), *others])


def _people(found: Outcome) -> str:
    """Drawn from those that the guard lets pass."""
    lawful = [text for text in found.judges.people if found.judges.check(text) is None]
    note = f"<p>Drawn from the {len(lawful)} of {len(found.judges.people)} that the guard lets pass.</p>"
    return note + _list(Random(0).sample(lawful, min(_SHOWN_PEOPLE, len(lawful))))


def _columns(title: str, columns: Sequence[tuple[str, str]]) -> str:
    told = "".join(f"<div><h4>{escape(head)}</h4>{body}</div>" for head, body in columns)
    return f'<h3>{escape(title)}</h3><div class="columns">{told}</div>'


def _questions(questions: Sequence[Question]) -> str:
    items = "".join(
        f'<li>{escape(each.text)}<span class="why">{each.slot} · {each.type} · {each.relation} · '
        f"{each.source}: {escape(each.competency)}</span></li>"
        for each in questions
    )
    return f"<ol>{items}</ol>"


def _list(items: Sequence[str]) -> str:
    return f"<ol>{''.join(f'<li>{escape(text)}</li>' for text in items)}</ol>"


def _leaks(found: Outcome) -> str:
    shown = [(place, channel, kind, text) for channel, kind, place, text in found.leakage.found]
    return _table([("where", "channel", "kind", "made-up text"), *shown[:_SHOWN_LEAKS]])


def _table(rows: Sequence[Row]) -> str:
    """A column of figures stands to the right."""
    head, *rest = rows
    right = [all(_FIGURE.fullmatch(row[at]) for row in rest if row[at]) for at in range(len(head))]

    def row(cells: Row, tag: str) -> str:
        told = (
            f'<{tag} class="figure">{escape(cell)}</{tag}>' if figure else f"<{tag}>{escape(cell)}</{tag}>"
            for cell, figure in zip(cells, right, strict=True)
        )
        return f"<tr>{''.join(told)}</tr>"

    return (
        f'<div class="wide"><table>{row(head, "th")}{"".join(row(each, "td") for each in rest)}</table></div>'
    )
