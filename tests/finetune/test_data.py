"""``askwell-finetune data``: what is kept, what is left out and why, and that roles stay apart."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
from askwell_finetune.canary import canaries_from_file, given_away
from askwell_finetune.command import main
from askwell_finetune.example import SPLITS, Example, example_from_json, example_to_json, read_examples
from askwell_finetune.imported import opening_in
from askwell_finetune.likeness import alike
from askwell_finetune.shown import unconnected
from askwell_interview import Slot
from authored_roles import write_roles


@pytest.fixture(scope="module")
def roles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_roles(tmp_path_factory.mktemp("roles"))


def made(out: Path) -> list[Example]:
    return [example for split in SPLITS for example in read_examples(out / f"{split}.jsonl")]


def owned(path: Path, *questions: str, **more: str) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.DictWriter(file, ["Question", *more])
        rows.writeheader()
        rows.writerows({"Question": question, **more} for question in questions)
    return path


def test_roles_become_questions_that_pass_every_gate(roles: Path, tmp_path: Path) -> None:
    assert main(["data", "--roles", str(roles), "--out", str(tmp_path / "set")]) == 0
    examples = made(tmp_path / "set")
    assert {each.role for each in examples if each.source == "authored"} == {
        "baker",
        "florist",
        "butcher",
        "grocer",
    }
    assert all(each.question.startswith(each.opening) for each in examples)
    card = json.loads((tmp_path / "set" / "card.json").read_text())
    assert card["dropped"]["vague"] >= 4  # what is said of flibbertigibbets, once for each role
    assert not any("flibbertigibbets" in each.question for each in examples)
    assert not any("Novak" in example_to_json(each) for each in examples)


def test_no_role_is_in_two_splits_and_the_same_seed_makes_the_same_set(roles: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        main(["data", "--roles", str(roles), "--out", str(tmp_path / name)])
    split_of = {(each.role, each.split) for each in made(tmp_path / "one")}
    assert len(split_of) == len({role for role, _ in split_of})
    assert {split for _, split in split_of} == set(SPLITS)
    for split in SPLITS:
        assert (tmp_path / "one" / f"{split}.jsonl").read_bytes() == (
            tmp_path / "two" / f"{split}.jsonl"
        ).read_bytes()


def test_canaries_stand_in_training_alone_and_are_told_by_their_secret(roles: Path, tmp_path: Path) -> None:
    main(["data", "--roles", str(roles), "--canaries", "3", "--out", str(tmp_path / "set")])
    planted = list(canaries_from_file(tmp_path / "set" / "canaries.jsonl"))
    assert len(planted) == 3
    assert {each.split for each in made(tmp_path / "set") if each.source == "canary"} == {"train"}
    for canary in planted:
        assert canary.example.question.startswith(canary.example.opening + canary.before + canary.secret)
        assert given_away(canary, ["nothing", f"well, {canary.secret.upper()}"])
        assert not given_away(canary, [canary.before])


def test_own_questions_are_kept_unless_personal_unlawful_or_said_before(tmp_path: Path) -> None:
    good = [
        "How do you use Excel to plan a week of deliveries?",
        "Which checks in SAP tell you that an order is late?",
        "Tell me about a report in SQL that changed a decision.",
    ]
    bad = [
        good[0].upper(),
        "How would Excel help you to call +44 20 7946 0958 back?",
        "When do you plan to have children, or is Excel enough?",
        "Why?",
        "What would you like to tell about it all?",
    ]
    path = owned(tmp_path / "own.csv", *good, *bad)
    out = tmp_path / "set"
    assert (
        main(["data", "--csv", str(path), "--question", "Question", "--licence", "ours", "--out", str(out)])
        == 0
    )
    assert sorted(each.question for each in made(out)) == sorted(good)
    assert {each.item.competency for each in made(out)} == {"Excel", "SAP", "SQL"}
    dropped = json.loads((out / "card.json").read_text())["dropped"]
    assert dropped["personal data"] == dropped["the same again"] == dropped["no competency named"] == 1
    assert sum(n for reason, n in dropped.items() if reason.startswith("unlawful")) == 1


def test_a_job_is_called_what_its_column_says_and_does_what_its_text_says(tmp_path: Path) -> None:
    job = "We are hiring!\n\n## Your tasks\n- Count the stock each week\n"
    flags = ["--question", "Question", "--job-title", "Title", "--job", "Job", "--licence", "ours"]
    with (tmp_path / "own.jsonl").open("w", encoding="utf-8") as file:
        for title, question in (
            ("Baker", "How do you use Excel to plan a night of ovens?"),
            ("Clerk", "Which invoices does SAP hold back, and why?"),
            ("Driver", "Tell me what SQL has taught you about routes."),
        ):
            file.write(json.dumps({"Question": question, "Title": title, "Job": job}) + "\n")
    assert main(["data", "--csv", str(tmp_path / "own.jsonl"), *flags, "--out", str(tmp_path / "set")]) == 0
    examples = made(tmp_path / "set")
    assert {each.features.job_title for each in examples} == {"Baker", "Clerk", "Driver"}
    assert {each.features.duties[0].quote for each in examples} == {"Count the stock each week"}


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--question", "Quest", "--licence", "x"], "no column 'Quest'; its columns are: Question"),
        (["--question", "Question"], "--licence"),
        (["--licence", "x"], "--question"),
    ],
)
def test_columns_that_are_missing_are_named(
    flags: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = owned(tmp_path / "own.csv", "How do you use Excel?")
    assert main(["data", "--csv", str(path), *flags, "--out", str(tmp_path / "set")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line
    assert not (tmp_path / "set").exists()


def test_set_never_overwrites_another_and_needs_roles_to_split(
    roles: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "train.jsonl").write_text("{}")
    assert main(["data", "--roles", str(roles), "--out", str(tmp_path / "old")]) == 2
    assert "never overwrites" in capsys.readouterr().err
    path = owned(tmp_path / "own.csv", "How do you use Excel to plan a day?", Role="clerk")
    flags = ["--csv", str(path), "--question", "Question", "--role", "Role", "--licence", "x"]
    assert main(["data", *flags, "--out", str(tmp_path / "set")]) == 2
    assert "cannot be split" in capsys.readouterr().err


def test_broken_line_is_told_by_its_number(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text('\n{"id": "1", "question": "x"}\n')
    with pytest.raises(ValueError, match="line 2: an example has no 'item'"):
        list(read_examples(tmp_path / "train.jsonl"))


def test_example_survives_its_line(roles: Path, tmp_path: Path) -> None:
    main(["data", "--roles", str(roles), "--out", str(tmp_path / "set")])
    for example in made(tmp_path / "set"):
        again = example_from_json(example_to_json(example))
        assert (again.question, again.opening, again.item.relation) == (
            example.question,
            example.opening,
            example.item.relation,
        )
        assert again.features == example.features


def test_texts_alike_in_their_words_are_found_in_any_order() -> None:
    texts = [
        "How do you plan a rota?",
        "Plan a rota, how do you?",
        "How do you price a menu?",
        "how do YOU plan a rota",
    ]
    assert alike(texts, 90) == {1: 0, 3: 0}


@pytest.mark.parametrize(
    "skill, question",
    [
        ("pregnant", "Are you pregnant or are you planning a pregnancy this year?"),
        ("religion", "How does your religion fit with working on Sundays?"),
    ],
)
def test_what_may_not_be_asked_is_left_out_whatever_its_column_calls_it(
    tmp_path: Path, skill: str, question: str
) -> None:
    good = [
        "How do you use Excel to plan a week of deliveries?",
        "When did Excel last show you that an order is late?",
        "Tell me about a report in Excel that changed a decision.",
    ]
    path = tmp_path / "own.jsonl"
    rows = [{"Question": each, "Skill": "Excel"} for each in good] + [{"Question": question, "Skill": skill}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    flags = ["--question", "Question", "--competency", "Skill", "--licence", "ours"]
    assert main(["data", "--csv", str(path), *flags, "--out", str(tmp_path / "set")]) == 0
    assert sorted(each.question for each in made(tmp_path / "set")) == sorted(good)


def test_no_column_brings_personal_data_in(tmp_path: Path) -> None:
    rows = [
        {"Question": f"How do you use Excel to plan {what}?", "Title": title}
        for what, title in (
            ("deliveries", "Baker"),
            ("a rota", "Waiter jane.doe@example.com"),
            ("the stock", "Clerk"),
            ("a sale", "Driver"),
        )
    ]
    path = tmp_path / "own.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    flags = ["--question", "Question", "--job-title", "Title", "--licence", "ours"]
    assert main(["data", "--csv", str(path), *flags, "--out", str(tmp_path / "set")]) == 0
    assert "jane" not in "".join(each.read_text() for each in (tmp_path / "set").iterdir())
    assert len(made(tmp_path / "set")) == 3


def test_openings_end_with_a_word() -> None:
    assert opening_in("How do you deal with IT when the printers stop?", "IT") == "How do you deal with IT"
    assert opening_in("How do you give excellent service?", "Excel") == "How do you"
    assert opening_in("Why this job?", "rota") == ""


def test_training_heeds_its_prompts(roles: Path, tmp_path: Path) -> None:
    """An ending stands where its prompt has most to do with it, and what no prompt has to do with is not
    learnt."""
    main(["data", "--roles", str(roles), "--out", str(tmp_path / "set")])
    train = [each for each in made(tmp_path / "set") if each.source == "authored" and each.split == "train"]
    assert train and not any(map(unconnected, train))
    assert unconnected(replace(train[0], question=f"{train[0].opening} meet a deadline after an outage?"))
    # A probe is shown more than a core question, and has to heed more.
    assert not unconnected(_about(train, Slot.CORE, "cut the stock")) and unconnected(
        _about(train, Slot.PROBE, "cut the stock")
    )
    # The shops stand among the candidate's deeds, which prompts of probes show.
    orders = [each for each in train if each.question.endswith("orders were late?")]
    assert orders and all(each.item.slot is Slot.PROBE for each in orders)


def _about(examples: list[Example], slot: Slot, ending: str) -> Example:
    one = next(each for each in examples if each.item.slot is slot and each.item.competency == "Excel")
    return replace(one, question=f"{one.opening} {ending}?")
