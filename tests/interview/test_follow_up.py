"""A follow-up takes up what was said, and gives away nobody."""

import pickle
from dataclasses import replace

import pytest
from askwell_interview import (
    DocumentError,
    FollowUp,
    Question,
    QuestionType,
    Rubric,
    Source,
    Trigger,
    judge_follow_up,
    open_follow_up,
)

QUESTION = Question(
    "core-1",
    "Tell me about a time when stock planning was difficult because of a supplier.",
    type=QuestionType.BEHAVIOURAL,
    competency="stock planning",
)
ANSWER = (
    "Last spring our supplier Brennick cancelled a delivery. I rang Maureen Okonedo, compared the prices of "
    "four wholesalers in Halvorsbury and rewrote the menu."
)
OPENED = open_follow_up(QUESTION, ANSWER, "chat")
OPENED = replace(OPENED, prompt=replace(OPENED.prompt, opening="What changed after you"))


def _judged(text: str) -> tuple[str | None, dict[str, int]]:
    judgement = judge_follow_up(OPENED, [text])
    return judgement.suggestion.text if judgement.suggestion else None, dict(judgement.refused)


def test_prompt_holds_the_gist_and_no_name() -> None:
    sent = repr(OPENED)
    assert "Last spring our supplier cancelled a delivery" in OPENED.prompt.messages[1].content
    for secret in ("Brennick", "Maureen", "Okonedo", "Halvorsbury"):
        assert secret.casefold() not in sent.casefold()
    assert pickle.loads(pickle.dumps(OPENED)) == OPENED


def test_life_and_names_in_small_letters_reach_neither_prompt_nor_suggestion() -> None:
    answer = (
        "I had cancer that year and my wife was ill, so peter covered my shift; i rang anna the customer and "
        "refunded her. In the end anna signed the contract."
    )
    opened = open_follow_up(QUESTION, answer, "chat")
    opened = replace(opened, prompt=replace(opened.prompt, opening="How could you tell that"))
    gist = (
        "somebody covered my shift; i rang somebody the customer and refunded her. "
        "In the end somebody signed the contract."
    )
    assert f"Answer: {gist}\n" in opened.prompt.messages[1].content
    for text in (" you had not had cancer that year?", " anna had not signed the contract?"):
        assert dict(judge_follow_up(opened, [text]).refused) == {"private": 1}
    assert judge_follow_up(opened, [" the customer had signed the contract?"]).suggestion is not None


def test_name_that_is_a_tool_or_a_word_stays() -> None:
    opened = open_follow_up(QUESTION, "Last week i used jenkins, then i had to mark the stock.", "chat")
    assert "i used jenkins, then i had to mark the stock" in opened.prompt.messages[1].content


def test_long_answer_is_cut_to_its_gist() -> None:
    opened = open_follow_up(QUESTION, "Last spring I counted the stock of one depot. " * 80, "base")
    assert opened.prompt.text.endswith(opened.prompt.opening) and len(opened.prompt.text.split()) < 190


def test_what_takes_up_the_answer_is_asked() -> None:
    assert _judged(" rang the supplier about the cancelled delivery?") == (
        "What changed after you rang the supplier about the cancelled delivery?",
        {},
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (" did it", "form"),
        (" did: it was this?", "form"),
        (" rang the supplier in Rotterdam about the delivery?", "invented"),
        (" wrote Python scripts for the delivery?", "invented"),
        (" spoke with Okonedo about the cancelled delivery?", "invented"),
        (" told the supplier about your religion and the delivery?", "unlawful"),
        (" were asked about the cancelled delivery?", "confused"),
        (" spoke about it with other people?", "vague"),
    ],
)
def test_what_does_not_pass_is_counted_by_its_reason(text: str, reason: str) -> None:
    assert _judged(text) == (None, {reason: 1})


def test_written_follow_up_is_the_questions_own_then_the_rubrics_then_the_standing_one() -> None:
    assert OPENED.written.trigger is Trigger.NO_RESULT and OPENED.written.source is Source.BANK
    assert OPENED.written.text == "How did you know that it had worked?"
    own = Rubric(follow_ups=(FollowUp(Trigger.NO_RESULT, "And then?"),))
    assert open_follow_up(replace(QUESTION, rubric=own), ANSWER, "chat").written.text == "And then?"
    unlawful = Rubric(follow_ups=(FollowUp(Trigger.NO_RESULT, "Are you pregnant?"),))
    assert open_follow_up(replace(QUESTION, rubric=unlawful), ANSWER, "chat").written == OPENED.written
    boast = open_follow_up(QUESTION, "I am the best planner there is.", "chat").written
    assert boast.trigger is Trigger.UNSUPPORTED and "shows that best" in boast.text


def test_question_without_a_type_is_read_for_one() -> None:
    answer = (
        "I would phone the haulier, ask where the lorry is, and run the aluminium parts before the steel."
    )
    opened = open_follow_up(Question("", "How would you handle a late lorry?"), answer, "chat")
    assert opened.written.text == "How would you notice that it is not working?"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("🙂🙂", "no words"),
        ("x" * 4001, "at most 4000"),
        ("Ich habe mit dem Kunden lange geredet.", "not in English"),
    ],
)
def test_answer_that_cannot_be_judged_is_refused_plainly(answer: str, says: str) -> None:
    with pytest.raises(DocumentError, match=says) as caught:
        open_follow_up(QUESTION, answer, "chat")
    assert caught.value.which == "answer"


def test_question_that_must_not_be_asked_is_not_followed_up() -> None:
    with pytest.raises(DocumentError, match="must not be asked") as caught:
        open_follow_up(Question("", "Are you planning to have children?"), ANSWER, "chat")
    assert caught.value.which == "question.text"


def test_only_the_law_that_counts_forbids() -> None:
    question = Question("", "Is your hukou rural or urban?")
    answer = "It was rural until we moved to the coast."
    with pytest.raises(DocumentError, match=r"must not be asked \(.*; CN\)"):
        open_follow_up(question, answer, "chat", jurisdictions=frozenset({"US", "CN"}))
    opened = open_follow_up(question, answer, "chat", jurisdictions=frozenset({"US"}))
    assert opened.written.guard.law == ("US",)
    opened = replace(opened, prompt=replace(opened.prompt, opening="What changed when you"))
    asked = judge_follow_up(opened, [" moved to the coast with a rural hukou?"])
    assert asked.suggestion is not None and asked.suggestion.guard.category == "hukou"
    assert asked.suggestion.prompt_version and not opened.written.prompt_version
    everywhere = replace(opened, jurisdictions=frozenset())
    refused = judge_follow_up(everywhere, [" moved to the coast with a rural hukou?"])
    assert dict(refused.refused) == {"unlawful": 1}
