"""What passes, what is refused and why, and the bank behind it."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from askwell_interview import Interview, Source, bank_question, judge
from askwell_interview.bank import SLOT, bank, bank_question_for
from askwell_interview.data_file import first_names
from askwell_interview.item import PlanItem
from askwell_interview.question import QuestionType, Relation, Slot
from askwell_interview.skill import gazetteer

ITEM = "core-1"  # Python, behavioural: "Describe a situation at work in which Python helped you to"


def test_first_sentence_after_the_opening_becomes_the_question(interview: Interview) -> None:
    text = " load the stock figures of nine depots? Here is an answer.\nI did it."
    judgement = judge(interview, ITEM, [text], [])
    assert judgement.question is not None
    assert judgement.question.text == (
        "Describe a situation at work in which Python helped you to load the stock figures of nine depots."
    )
    assert judgement.question.source is Source.MODEL
    assert judgement.question.attempts == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "form"),
        (" load the stock figures of", "form"),
        (" load the stock of?", "form"),
        (" do this: 1. load stock, 2. load depots?", "form"),
        (" load " + "the stock figures and " * 12 + "more?", "form"),
        (" load the stock figures into MongoDB?", "invented"),
        (" load the stock figures for Contoso?", "invented"),
        (" load the stock of 37 depots?", "invented"),
        (" load the stock figures for [Name]?", "form"),
        (" load the stock figures with Python Docker?", "invented"),
        (" load the stock figures into Bus Warehouse?", "invented"),
        (" the stock figures of nine depots?", "form"),
        (" would load the stock figures of nine depots?", "confused"),
        (" help a client?", "vague"),
        (" explain the stock figures to marisol?", "private"),
        (" send the stock figures to a.b@example.org?", "private"),
        (" load the stock figures while you were pregnant?", "unlawful"),
        (" explain the stock figures to your children?", "unlawful"),
        (" load the stock figures for your last salary?", "unlawful"),
        (" explain the stock figures to the candidate?", "confused"),
        (" load the stock figures, as I have done?", "confused"),
        (" make a difference to the team?", "vague"),
        (" load the stock of a pirate castle under moonlight?", "vague"),
    ],
)
def test_text_is_refused_for_its_first_fault(interview: Interview, text: str, reason: str) -> None:
    judgement = judge(interview, ITEM, [text], [])
    assert judgement.question is None
    assert judgement.refused == {reason: 1}


def test_question_asked_already_is_refused(interview: Interview) -> None:
    text = " load the stock figures of nine depots?"
    first = judge(interview, ITEM, [text], []).question
    assert first is not None
    assert judge(interview, ITEM, [text], [first.text]).refused == {"repeated": 1}


def test_best_of_those_that_pass_is_chosen(interview: Interview) -> None:
    weak = " load stock in the depots?"
    strong = " build data pipelines that load the stock figures of nine depots every night?"
    judgement = judge(interview, ITEM, [weak, strong, ""], [])
    assert judgement.question is not None and "pipelines" in judgement.question.text
    assert judgement.refused == {"form": 1} and judgement.question.attempts == 3


def test_of_two_that_tell_as_much_the_likelier_is_chosen_and_says_so(interview: Interview) -> None:
    texts = [" load the stock figures of nine depots?", " load the stock figures of the depots every night?"]
    for likely, chosen in (((-0.5, -3.0), "nine"), ((-3.0, -0.5), "night")):
        question = judge(interview, ITEM, texts, [], log_probabilities=likely).question
        assert question is not None and chosen in question.text
        assert question.guard is not None and question.guard.allowed
        parts = {"telling": 3.0, "own_evidence": 0.0, "length": 0.0, "log_probability": -0.5}
        assert question.scores == parts | {"total": 2.75}
    unknown = judge(interview, ITEM, texts, []).question
    assert unknown is not None and "log_probability" not in unknown.scores


def test_of_two_that_tell_as_much_the_nearer_in_meaning_is_chosen(interview: Interview) -> None:
    class Near:
        """Whatever speaks of the night is one with everything but the other question."""

        def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
            rows = np.zeros((len(texts), 384), np.float32)
            rows[:, :2] = [[0.6, 0.8] if "nine" in text else [1.0, 0.0] for text in texts]
            return rows

    texts = [" load the stock figures of nine depots?", " load the stock figures of the depots every night?"]
    question = judge(interview, ITEM, texts, [], Near(), log_probabilities=(-0.5, -0.5)).question
    assert question is not None and "night" in question.text
    assert question.scores["nearness"] == pytest.approx(5)


def test_bank_has_a_question_for_every_kind_of_item() -> None:
    kinds = {entry.kind for entry in gazetteer().spellings.values()} | {"duty"}
    for kind in kinds:
        for relation in (r for r in Relation if r is not Relation.RELATION_UNSPECIFIED):
            for type_ in (t for t in QuestionType if t is not QuestionType.TYPE_UNSPECIFIED):
                item = PlanItem("a", Slot.PROBE, type_, "stock control", relation, "", None, None, kind)
                text = bank_question_for(item, []).text
                assert SLOT not in text and text[0].isupper() and text[-1] in "?."
                assert 6 <= len(text.split()) <= 45


def test_bank_never_repeats_itself_within_an_interview(interview: Interview) -> None:
    taken: list[str] = []
    for item_id in interview.open_items:
        question = bank_question(interview, item_id, taken)
        assert question.source is Source.BANK and question == bank_question(interview, item_id, taken)
        taken.append(question.text)
    templates = [
        text.replace(item.competency, "") for text, item in zip(taken, interview.plan.items, strict=True)
    ]
    assert len(set(templates)) == len(templates)


def test_bank_turns_to_another_wording_when_one_is_taken(interview: Interview) -> None:
    item, taken = interview.item(ITEM), list[str]()
    for _ in range(4):
        taken.append(bank_question_for(item, taken).text)
    assert len(set(taken)) == 4


def test_data_files_are_well_formed() -> None:
    assert len(gazetteer().spellings) > 500 and len(bank()) > 50 and len(first_names()) > 100
    assert all("{" not in entry.text.replace(SLOT, "") for entry in bank())
