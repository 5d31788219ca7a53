"""The report as one HTML file: verdicts, tables, and for a few jobs the questions themselves."""

from collections.abc import Sequence
from html import escape
from random import Random

from askwell_client import Question

from ..verdict import Verdict
from .asking import Asked
from .outcome import Outcome
from .table import Row, guard_categories, tables

_SHOWN_JOBS, _SHOWN_PEOPLE, _SHOWN_LEAKS, _SHOWN_FLAWS = 4, 12, 40, 60
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem;
  color: #1a1a1a; background: #fff }
table { border-collapse: collapse; margin: .5rem 0 2rem }
th, td { text-align: left; padding: .25rem .8rem .25rem 0;
  border-bottom: 1px solid #ddd; vertical-align: top } th { font-weight: 600 }
td + td { font-variant-numeric: tabular-nums } .wide { overflow-x: auto }
.PASS { color: #0a6b2d } .FAIL { color: #a3001b; font-weight: 600 } .UNKNOWN { color: #6b5b00 }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 0 2rem }
li { margin-bottom: .5rem } .why { color: #666; font-size: .85em; display: block }
@media (prefers-color-scheme: dark) {
  body { color: #e6e6e6; background: #161616 } th, td { border-color: #444 }
  .PASS { color: #6fd08c } .FAIL { color: #ff8a94 } .UNKNOWN { color: #e0c860 } .why { color: #aaa } }
"""


def page(found: Outcome, verdicts: Sequence[Verdict], model: str) -> str:
    body = [f"<h1>Questions of {escape(model)}</h1>", _verdicts(verdicts)]
    body += [f"<h2>{escape(title)}</h2>{_table(rows)}" for title, rows in tables(found)]
    if found.guard:
        body.append(f"<h2>Guard: sentences refused</h2>{_table(guard_categories(found))}")
    if flaws := found.flaws():
        heads = ("job", "set", "question", "what is wrong")
        body.append(f"<h2>Questions with a flaw</h2>{_table([heads, *flaws[:_SHOWN_FLAWS]])}")
    if found.leakage.found:
        body.append(f"<h2>What came out</h2>{_leaks(found)}")
    if found.jobs:
        body.append("<h2>The questions themselves</h2>")
        body += [_job(asked) for asked in found.jobs[:: max(1, len(found.jobs) // _SHOWN_JOBS)][:_SHOWN_JOBS]]
    if found.judges.people:
        lawful = [text for text in found.judges.people if found.judges.check(text) is None]
        drawn = Random(0).sample(lawful, min(_SHOWN_PEOPLE, len(lawful)))
        body.append(
            f"<h2>Questions that people asked, drawn from those that the guard lets pass</h2>{_list(drawn)}"
        )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Questions of {escape(model)}</title><style>{_STYLE}</style></head>"
        f"<body>{''.join(body)}</body></html>\n"
    )


def _verdicts(verdicts: Sequence[Verdict]) -> str:
    rows = []
    for each in verdicts:
        word = each.line.split(":", 1)[0]
        cells = f"<td>{escape(each.criterion)}</td><td>{escape(each.found)}</td>"
        rows.append(f'<tr><td class="{word}">{word}</td>{cells}</tr>')
    return f"<table>{''.join(rows)}</table>"


def _table(rows: Sequence[Row]) -> str:
    head, *rest = rows
    heads = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rest)
    return f'<div class="wide"><table><tr>{heads}</tr>{body}</table></div>'


def _leaks(found: Outcome) -> str:
    shown = [(place, channel, kind, text) for channel, kind, place, text in found.leakage.found]
    return _table([("where", "channel", "kind", "made-up text"), *shown[:_SHOWN_LEAKS]])


def _job(asked: Asked) -> str:
    columns = [
        ("The right résumé", _questions(asked.own.questions)),
        (f"The résumé of {asked.other_name}, same core", _questions(asked.other.questions)),
        ("The founding prompt", _list(asked.founding)),
        ("Random questions of the bank", _list(asked.bank)),
    ]
    told = "".join(f"<section><h4>{escape(title)}</h4>{body}</section>" for title, body in columns)
    return f'<h3>{escape(asked.name)}</h3><div class="columns">{told}</div>'


def _questions(questions: Sequence[Question]) -> str:
    items = "".join(
        f'<li>{escape(each.text)}<span class="why">{each.slot} · {each.type} · {each.relation} · '
        f"{each.source}: {escape(each.competency)}</span></li>"
        for each in questions
    )
    return f"<ol>{items}</ol>"


def _list(items: Sequence[str]) -> str:
    return f"<ol>{''.join(f'<li>{escape(text)}</li>' for text in items)}</ol>"
