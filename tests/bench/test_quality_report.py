"""The quality bench's report: what it shows first, what it draws, and that it loads nothing."""

import re
from xml.etree import ElementTree

from asked_sets import CORE, OWN, asked, asked_set, outcome, question, with_rivals
from askwell_bench.quality.chart import Dot, Mark, dot_chart
from askwell_bench.quality.criterion import verdicts
from askwell_bench.quality.page import page
from askwell_client import Source


def test_page_shows_the_verdicts_and_escapes_what_was_written() -> None:
    wild = question("Why <script>alert(1)</script> at work today?", source=Source.BANK)
    found = outcome(asked(own=asked_set([CORE, wild])))
    assert ("nurse", "own", wild.text) in [each[:3] for each in found.flaws()]
    told = page(found, verdicts(found), "model & co")
    assert "&lt;script&gt;" in told and "<script>" not in told
    assert "model &amp; co" in told and 'class="FAIL"' in told
    assert told.index("criteria are met") < told.index("<svg") < told.index("&lt;script&gt;")


def test_page_is_one_file_that_loads_nothing() -> None:
    found = with_rivals(OWN, OWN)
    told = page(found, verdicts(found), "model")
    assert "Rival 2" in told
    assert not re.search(r"https?:|//\w|\bsrc=|url\(|@import|<link|<iframe", told)
    links, places = re.findall(r'href="#(\w+)"', told), re.findall(r'<section id="(\w+)"', told)
    assert links == places and len(places) > 5


def test_chart_puts_every_dot_on_one_axis_from_zero() -> None:
    dots = [
        Dot("askwell", 0.5, 0.4, 0.6, own=True),
        Dot("bank & all", 1.0, 0.9, 1.0),
        Dot("none", 0.0, 0.0, 0.0),
    ]
    told = dot_chart("share", "higher is better", dots, [Mark("goal", 0.8)])
    svg = ElementTree.fromstring(re.sub(r".*(<svg.*</svg>).*", r"\1", told))
    left, bank, none = (float(each.attrib["cx"]) for each in svg.iter("circle"))
    assert bank - left == left - none > 0
    goal = next(float(each.attrib["x1"]) for each in svg.iter("line") if each.attrib["class"] == "mark")
    assert round((goal - none) / (bank - none), 2) == 0.8
    assert [group.attrib["class"] for group in svg.iter("g")] == ["own", "other", "other"]
    assert "bank &amp; all" in told and "dashed: goal" in told
    assert dot_chart("nothing", "", []) == ""
    assert "<svg" in dot_chart("all zero", "", dots[2:])
