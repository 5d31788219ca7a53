"""The kit as one HTML file that loads nothing and prints well."""

from html import escape
from importlib.resources import files

from askwell_client.commands.kit import ADVICE, Kit, Page, plain
from askwell_client.commands.screen import words

_NOTE_LINES = 4
# What stands in the documents must stay text: no script, picture or address is ever loaded.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def html_from_kit(kit: Kit) -> str:
    css = (files(__package__) / "kit.css").read_text(encoding="utf-8")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">
<title>Interview kit: {escape(kit.title)}</title>
<style>
{css}</style>
</head>
<body>
{_cover(kit)}
{"".join(map(_page, kit.pages))}</body>
</html>
"""


def _cover(kit: Kit) -> str:
    minutes = f", {kit.minutes} minutes" if kit.minutes else ""
    blanks = "".join(f"<div><dt>{name}</dt><dd></dd></div>" for name in ("Candidate", "Interviewer", "Date"))
    return f"""<header>
<p class="kind">Interview kit</p>
<h1>{escape(kit.title)}</h1>
<p class="sum">{len(kit.pages)} questions{minutes} · written with {escape(kit.model)}</p>
<dl class="blanks">{blanks}</dl>
<p class="advice">{escape(ADVICE)}</p>
</header>
"""


def _page(page: Page) -> str:
    question = page.question
    slot = words(question.slot)
    facts = "".join(f"<li>{escape(fact)}</li>" for fact in page.facts)
    return f"""<section class="{slot}">
<div class="head"><b>{page.number}</b><span class="slot">{slot}</span><ul>{facts}</ul></div>
<h2>{escape(plain(question.text))}</h2>
{_grounds(page)}
{_looked_for(page)}
{_follow_ups(page)}
{_ratings(page)}
<div class="notes"><h3>Notes</h3>{"<i></i>" * _NOTE_LINES}</div>
</section>
"""


def _grounds(page: Page) -> str:
    why = [("Why", escape(page.reason))] if page.reason else []
    quotes = [(which, f"<q>{escape(quote)}</q>") for which, quote in page.evidence]
    rows = "".join(f"<div><dt>{which}</dt><dd>{text}</dd></div>" for which, text in (*why, *quotes))
    return f'<dl class="grounds">{rows}</dl>' if rows else ""


def _looked_for(page: Page) -> str:
    covers = _list("A good answer covers", "covers", page.question.covers)
    flags = _list("Red flags", "flags", page.question.red_flags)
    return f'<div class="pair">{covers}{flags}</div>' if covers or flags else ""


def _list(title: str, kind: str, texts: tuple[str, ...]) -> str:
    items = "".join(f"<li>{escape(plain(text))}</li>" for text in texts)
    return f'<div class="{kind}"><h3>{title}</h3><ul>{items}</ul></div>' if items else ""


def _follow_ups(page: Page) -> str:
    rows = "".join(
        f"<div><dt>{escape(when)}</dt><dd>{escape(text)}</dd></div>" for when, text in page.follow_ups
    )
    return f'<div class="then"><h3>Follow-ups</h3><dl>{rows}</dl></div>' if rows else ""


def _ratings(page: Page) -> str:
    cells = "".join(
        f'<li><span class="box"></span><b>{rating}</b><span>{escape(text)}</span></li>'
        for rating, text in page.anchors
    )
    return f'<div class="rating"><h3>Rating</h3><ol>{cells}</ol></div>'
