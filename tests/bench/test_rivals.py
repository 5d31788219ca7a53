"""People of one trade, questions that are about their subject, and openings that do not count."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from asked_sets import OWN, asked, asked_set, outcome, question, with_rivals
from askwell_bench.quality.asking import Asked
from askwell_bench.quality.facts import figures
from askwell_bench.quality.opening import without_opening
from askwell_bench.quality.pair import pairs_from_folders
from askwell_bench.quality.relevance import relevance
from askwell_bench.quality.rival import chance
from askwell_client import Question, Source

DATA = Path(__file__).resolve().parents[2] / "benchmarks" / "data"
ABOUT_COOK = question("How did labels in Braille help the diabetics on the ward?")
ABOUT_MIDWIFE = question("What did you learn from babies delivered at home?")


def test_six_trades_have_four_rivals_each_who_resemble_nobody() -> None:
    pairs = [pair for pair in pairs_from_folders(DATA / "jobs", DATA / "resumes") if pair.rivals]
    assert [len(pair.rivals) for pair in pairs] == [4] * 6
    rivals = [text for pair in pairs for text in pair.rivals]
    assert len({text.split("\n")[0] for text in rivals}) == 24
    assert all(170 <= len(text.split()) <= 260 for text in rivals)


def test_rival_is_found_by_probes_that_are_his_and_not_by_those_of_another() -> None:
    right, wrong = with_rivals(ABOUT_COOK, ABOUT_MIDWIFE), with_rivals(ABOUT_MIDWIFE, ABOUT_COOK)
    found, mistaken = right.rivals(), wrong.rivals()
    assert found is not None and mistaken is not None
    assert (found.people, found.among) == (2, 3)
    assert _mean(found.mrr["probes by words"]) == 1.0
    assert _mean(mistaken.mrr["probes by words"]) < 0.6
    assert found.chance == pytest.approx(11 / 18) and chance(5) == pytest.approx(0.457, abs=5e-4)
    assert figures(right)["mrr_rivals"]["people"] == 2
    assert outcome(asked()).rivals() is None


def test_probe_that_all_of_a_trade_are_asked_is_no_change() -> None:
    same = with_rivals(OWN, OWN).rivals()
    two_alike = with_rivals(OWN, ABOUT_COOK).rivals()
    assert same is not None and two_alike is not None
    assert _mean(same.probes_changed) == 0.0
    assert _mean(two_alike.probes_changed) == pytest.approx(4 / 6)  # of six ordered pairs two are alike
    reworded = [question(text, competency="diabetes") for text in ("How do you treat it?", "Why treat it?")]
    found = with_rivals(*reworded).rivals()
    assert found is not None
    assert (_mean(found.probes_changed), _mean(found.subjects_changed)) == (1.0, pytest.approx(4 / 6))


def test_rivals_answer_for_their_evidence_and_form_too() -> None:
    found = with_rivals(ABOUT_COOK, question("Wards at night"))
    assert ("nurse", "rival 2", "Wards at night") in [flaw[:3] for flaw in found.flaws()]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Tell me about a time you used Excel to plan.", "Excel to plan."),
        ("Why does teaching with EXCEL matter in teaching?", "teaching with EXCEL matter in teaching?"),
        ("How would you go about Go when tests fail?", "Go when tests fail?"),
        ("What excellent thing did you do?", "What excellent thing did you do?"),
    ],
)
def test_opening_ends_where_the_first_topic_is_named(text: str, left: str) -> None:
    assert without_opening(text, ["Excel", "teaching", "Go", ""]) == left


def test_openings_of_every_source_are_cut_at_what_the_documents_offer() -> None:
    jobs = [
        replace(
            asked(name),
            founding=("Please tell us at length about triage now.",) * 2,
            bank=("Please tell us at length about Excel now.", "Please tell us at length about wards now."),
            topics=("triage", "Excel", "wards"),
        )
        for name in ("nurse", "welder")
    ]
    found = outcome(*jobs).sources()
    for name in ("founding prompt", "random bank"):
        whole, bare = found[name].diversity, found[name].bare_diversity
        assert whole is not None and bare is not None
        assert (whole.words, bare.words) == (8.0, 2.0)


def encode(texts: Sequence[str]) -> Any:
    """By what is spoken of: triage, Excel, or neither."""
    rows = [[1.0 * ("triage" in text), 1.0 * ("Excel" in text), 0.2] for text in texts]
    return np.array([np.array(row) / np.linalg.norm(row) for row in rows], np.float32)


def _about(*questions: Question) -> Asked:
    return replace(asked(own=asked_set(questions)), founding=("What is Excel to you?",), bank=("Why?",))


def test_question_beside_its_subject_is_irrelevant_whatever_it_says() -> None:
    triage = question("How do you decide in triage?", competency="triage")
    excel = question("When did Excel let you down?", competency="Excel", source=Source.BANK)
    strayed = replace(excel, text="When did triage let you down?")
    good = relevance([_about(triage, excel)], encode)
    bad = relevance([_about(triage, strayed)], encode)
    assert good is not None and bad is not None
    assert {name: _mean(each) for name, each in good.shares.items()} == {
        "askwell": 1.0, "by the model": 1.0, "founding prompt": 1.0, "random bank": 0.0, "control": 0.0,
    }  # fmt: skip
    assert (_mean(good.led_back), _mean(bad.led_back)) == (1.0, 0.5)
    assert _mean(bad.shares["askwell"]) == 0.5
    assert relevance([_about(triage, excel)], None) is None


def _mean(found: Any) -> float:
    assert found is not None
    return cast(float, found.mean)
