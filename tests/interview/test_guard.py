"""What must not be asked, where, and by which of the guard's two judges."""

from collections.abc import Sequence

import numpy as np
import pytest
from askwell_interview import (
    JURISDICTIONS,
    Document,
    DocumentError,
    FloatRows,
    Guard,
    Question,
    bank_question,
    judge,
    open_interview,
)
from askwell_interview.bank import SLOT, bank, profession_bank
from askwell_interview.checks import NEUTRAL, verdict_on
from askwell_interview.guard_category import categories
from askwell_interview.guard_head import head, kernel
from askwell_interview.guard_sentence import blind_sentences, judged_sentences, more_sentences
from askwell_interview.guard_words import last_clause
from askwell_interview.profession import professions

GUARD = Guard(None)


class Stub:
    """Finds in every text the meaning of one landmark of the head."""

    def __init__(self, landmark: int) -> None:
        self._row = head().landmarks[landmark]

    def encode(self, texts: Sequence[str]) -> FloatRows:
        return np.stack([self._row for _ in texts])


MEANT = kernel(head().landmarks, head().landmarks) @ (head().whole + head().clause)
UNLAWFUL, LAWFUL = Stub(int(MEANT.argmax())), Stub(int(MEANT.argmin()))


def test_a_refusal_names_category_reason_and_rewrite() -> None:
    verdict = GUARD.check("By the way,  how old\nare you?")
    assert (verdict.allowed, verdict.rule, verdict.category, verdict.name) == (False, "pattern", "age", "Age")
    assert verdict.reason and verdict.rewrite.endswith("?") and "UK" in verdict.jurisdictions
    assert GUARD.check("How do you plan a migration of old servers?").allowed


def test_every_category_says_where_and_why_and_knows_its_own_questions() -> None:
    asked = [each for each in judged_sentences() if each.kind == "direct"]
    for category in categories():
        assert category.jurisdictions and set(category.jurisdictions) <= set(JURISDICTIONS)
        assert category.reason and (category.rewrite or category.reason.count(".") > 1)
        own = [each.text for each in asked if each.category == category.id]
        assert any(category.matches(text) for text in own), category.id
        assert GUARD.check(category.rewrite).allowed, category.rewrite


@pytest.mark.parametrize(
    "text",
    [
        "This role calls for reporting line faults with measurements. Have you done that?",
        "Your résumé mentions moving the paper calendar to software. What made you decide to?",
    ],
)
def test_what_opens_a_question_is_not_read_together_with_the_next_sentence(text: str) -> None:
    assert GUARD.check(text).allowed
    assert not GUARD.check(text.replace(". Have", ", have").replace(". What", ", you")).allowed


def test_what_binds_elsewhere_only_is_allowed_and_told() -> None:
    text = "Is your hukou rural or urban?"
    assert not GUARD.check(text).allowed
    assert not Guard(None, {"US", "CN"}).check(text).allowed
    verdict = Guard(None, {"US"}).check(text)
    assert (verdict.law, GUARD.check(text).law) == (("US",), JURISDICTIONS)
    assert (verdict.allowed, verdict.category, verdict.jurisdictions) == (True, "hukou", ("CN",))


def test_a_head_that_is_sure_overrules_a_pattern_and_finds_what_no_pattern_knows() -> None:
    hit = "How do you record a change of marital status in the benefits system?"
    plain = "Which of those would you like the best?"
    assert not GUARD.check(hit).allowed and GUARD.check(plain).allowed
    assert Guard(LAWFUL).check(hit).allowed
    verdict = Guard(UNLAWFUL).check(plain)
    assert (verdict.allowed, verdict.rule) == (False, "likeness") and verdict.category
    assert head().category_whole.shape == (len(head().landmarks), len(categories()))


def test_a_lead_in_does_not_hide_what_is_asked() -> None:
    text = "Before we come to Kubernetes, which I like, tell me how old you are."
    assert last_clause(text) == "tell me how old you are."
    assert last_clause("Why?") == "Why?"


def test_no_question_of_the_bank_is_refused() -> None:
    entries = [*bank(), *(entry for each in professions() for entry in profession_bank(each.name))]
    refused = [e.text for e in entries if not GUARD.check(e.text.replace(SLOT, NEUTRAL)).allowed]
    assert refused == []


@pytest.mark.parametrize(
    ("text", "competency"),
    [
        ("How old are you?", "How old are you"),
        ("What is your religion?", "religion"),
        ("Are you married?", "a"),
        ("Do you plan to have children?", "children"),
    ],
)
def test_the_guard_reads_a_competency_that_is_no_known_skill(text: str, competency: str) -> None:
    """It may be a caller's field, or words of a résumé."""
    assert not verdict_on(text, competency, frozenset(), GUARD).allowed


def test_a_known_skill_is_work_whatever_its_name() -> None:
    text = "Do you know sales as a citizen would?"
    assert verdict_on(
        "How do you use Immigration law at work?", "immigration law", frozenset(), GUARD
    ).allowed
    assert verdict_on(text, "sales", frozenset(), GUARD).allowed == GUARD.check(text).allowed


def test_nothing_held_out_is_learnt_from() -> None:
    held_out = {each.text.casefold() for each in blind_sentences()}
    learnt = {each.text.casefold() for each in [*judged_sentences(), *more_sentences()]}
    assert len(held_out) > 650 and held_out.isdisjoint(learnt)


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("Is your husband content with Python?", True),
        ("How do you mentor colleagues who read Python for the first time?", False),
    ],
)
def test_a_given_core_question_is_guarded_too(
    job: Document, resume: Document, text: str, refused: bool
) -> None:
    core = [Question("core-1", text, competency="Python")]
    if not refused:
        assert open_interview(job, resume, count=4, core=core, style="chat").given[0].text == text
        return
    told = r"^must not be asked \(Marital status; US, UK, EU, CN\): Marriage"
    with pytest.raises(DocumentError, match=told) as caught:
        open_interview(job, resume, count=4, core=core, style="chat")
    assert caught.value.which == "core_questions[0].text"


@pytest.mark.parametrize(("law", "allowed"), [({"US", "EU"}, True), ({"EU", "CN"}, False)])
def test_core_questions_and_the_models_are_judged_by_the_law_that_counts(
    job: Document, resume: Document, law: set[str], allowed: bool
) -> None:
    core = [Question("", "Is your hukou rural or urban?")]
    if not allowed:
        with pytest.raises(DocumentError, match=r"\(.*; CN\)"):
            open_interview(job, resume, count=4, core=core, style="chat", jurisdictions=frozenset(law))
    given = core if allowed else []
    interview = open_interview(job, resume, count=4, core=given, style="chat", jurisdictions=frozenset(law))
    for question in interview.given:
        assert question.guard is not None and set(question.guard.law) == law
    item = interview.open_items[-1]
    asked = bank_question(interview, item, [])
    assert asked.guard is not None and set(asked.guard.law) == law
    judged = judge(interview, item, [" plan the stock of the depots with your hukou?"], [])
    assert ("unlawful" in judged.refused) is not allowed
