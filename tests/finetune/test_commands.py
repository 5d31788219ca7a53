"""What ``askwell-finetune`` says of input that it cannot use: one line, exit code 2, before any long work."""

import csv
import json
from pathlib import Path

import pytest
from askwell_finetune.checkpoint import last_checkpoint
from askwell_finetune.command import main
from askwell_finetune.commands import data
from askwell_finetune.corpus import roles_of_card
from askwell_finetune.errors import FinetuneError
from askwell_finetune.example import SPLITS, Example, example_from_json, read_examples
from askwell_finetune.run import locked, run_before
from askwell_interview.prompt import prompt_version
from authored_roles import write_roles

QUESTIONS = (
    "How do you use Excel to plan a week of deliveries?",
    "Which checks in SAP tell you that an order is late?",
    "Tell me about a report in SQL that changed a decision.",
)


@pytest.fixture
def roles(tmp_path: Path) -> Path:
    return write_roles(tmp_path / "roles")


def owned(path: Path, *questions: str, role: str = "") -> list[str]:
    """The flags for a file of these questions; ``role`` is the same for all, "" for one each."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["Question", "Role"])
        rows.writerows([question, role] for question in questions)
    return ["--csv", str(path), "--question", "Question", "--role", "Role", "--licence", "ours"]


def made(out: Path) -> list[Example]:
    return [example for split in SPLITS for example in read_examples(out / f"{split}.jsonl")]


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The last line of the refusal; only it begins with the command's name."""
    assert main([str(each) for each in arguments]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.startswith("askwell-finetune: ") for line in lines].count(True) == 1
    return lines[-1]


def evaluated(folder: Path, **changes: object) -> list[object]:
    """The arguments of an evaluation whose models are not there: all else is looked at before them."""
    questions = folder / "questions"
    questions.mkdir(exist_ok=True)
    for name in ("train.jsonl", "test.jsonl"):
        (questions / name).touch()
    given = {"base": folder / "no", "tuned": folder / "no", "data": questions, "roles": folder / "roles"}
    given |= {"out": folder / "evaluation", **changes}
    return ["eval", *(part for name, value in given.items() for part in (f"--{name}", value))]


def test_folder_that_is_no_encoder_is_refused_by_data_and_eval(
    roles: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "nowhere"):
        refused(capsys, "data", "--roles", roles, "--encoder", folder, "--out", tmp_path / "set")
        arguments = evaluated(tmp_path, encoder=folder)
        card = {"splits": {"test": {"roles": ["baker", "florist"]}}}
        (tmp_path / "questions" / "card.json").write_text(json.dumps(card))
        refused(capsys, *arguments)
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize("card", ["{}", '{"splits": {"test": {"roles": "baker"}}}', "[1]", "no JSON"])
def test_card_without_splits_is_named(
    card: str, roles: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = evaluated(tmp_path)
    (tmp_path / "questions" / "card.json").write_text(card)
    assert f"{tmp_path / 'questions' / 'card.json'} does not list the test roles" in refused(
        capsys, *arguments
    )
    with pytest.raises(FinetuneError, match=r"card\.json does not list the train roles"):
        roles_of_card(tmp_path / "questions", "train")


@pytest.mark.parametrize(
    ("features", "item", "told"),
    [
        ({"job_title": 7}, {"competency": "SQL"}, "job_title is 7; it must be a text"),
        ({}, {"competency": ["SQL"]}, "competency is"),
        ({"duties": [{"quote": 1}]}, {"competency": "SQL"}, "quote is 1"),
        ({"job_skills": [{"name": 1}]}, {"competency": "SQL"}, "name is 1"),
    ],
)
def test_number_in_place_of_a_text_is_no_example(
    features: dict[str, object], item: dict[str, object], told: str
) -> None:
    line = {"id": "1", "features": features, "item": item, "question": "Why?"}
    with pytest.raises(ValueError, match=told):
        example_from_json(json.dumps(line))


def test_folder_whose_name_looks_like_markup_is_made_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / ("[" + "long" * 30) / "x]:bug:"
    assert main(["data", *owned(tmp_path / "own.csv", *QUESTIONS), "--out", str(out)]) == 0
    assert f"{out}: 3 examples" in capsys.readouterr().err
    assert main(["data", *owned(tmp_path / "own.csv", *QUESTIONS), "--out", str(tmp_path / "[" / "x]")]) == 0


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--csv", "own.csv", "--licence", "x"], "--question"),
        (["--csv", "own.csv", "--question", "Question"], "--csv needs --licence"),
        (
            ["--csv", "no.csv", "--question", "Question", "--licence", "x"],
            "no.csv: No such file or directory",
        ),
        (["--reviews", "reviews.jsonl"], "--reviews needs --licence"),
        (["--uses", "0"], "--uses is 0; it must be at least 1"),
        (["--canaries", "-1"], "--canaries is -1"),
    ],
)
def test_arguments_are_looked_at_before_a_role_is_built(
    flags: list[str],
    told: str,
    roles: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.csv").write_text("Question\nHow do you use Excel?\n")

    def never(*_: object) -> object:
        raise AssertionError("a role is built")

    monkeypatch.setattr(data, "Build", never)
    assert told in refused(capsys, "data", "--roles", roles, *flags, "--out", tmp_path / "set")


def test_too_few_roles_are_told_with_what_was_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = owned(tmp_path / "own.csv", *QUESTIONS, "Why?", "Why so?", role="clerk")
    said = refused(capsys, "data", *flags, "--out", tmp_path / "set")
    assert "1 role(s) cannot be split" in said
    assert "left out before: 2 not 4 to 60 words" in said


def test_canaries_are_planted_in_own_questions_and_never_in_the_bank_s(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = owned(tmp_path / "own.csv", *QUESTIONS)
    assert main(["data", *flags, "--canaries", "1", "--out", str(tmp_path / "set")]) == 0
    assert [each.split for each in made(tmp_path / "set") if each.source == "canary"] == ["train"]
    said = refused(capsys, "data", *flags, "--canaries", "2", "--out", tmp_path / "other")
    assert "2 canaries need as many training examples; there are 1" in said
    flags[flags.index("ours")] = "bank"
    said = refused(capsys, "data", *flags, "--source", "bank", "--canaries", "1", "--out", tmp_path / "other")
    assert "there are 0" in said


def test_authored_roles_have_the_licence_given_and_ours_their_own(
    roles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def licences(out: Path, *flags: str) -> set[str]:
        assert main(["data", "--roles", str(roles), *flags, "--out", str(out)]) == 0
        return {each.licence for each in made(out)}

    assert licences(tmp_path / "one") == {"Apache-2.0"}
    assert licences(tmp_path / "two", "--licence", "ours") == {"ours"}
    monkeypatch.setattr(data, "OUR_ROLES", roles.resolve())
    assert licences(tmp_path / "three", "--licence", "ours") == {"Apache-2.0"}


def test_card_tells_the_version_of_the_prompts(tmp_path: Path) -> None:
    main(["data", *owned(tmp_path / "own.csv", *QUESTIONS), "--out", str(tmp_path / "set")])
    card = json.loads((tmp_path / "set" / "card.json").read_text())
    assert card["settings"]["prompt"] == prompt_version()


@pytest.mark.parametrize("name", ["evaluation/evaluation.json", "blind.html", "blind.key.json"])
def test_evaluation_writes_over_nothing(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "evaluation").mkdir()
    (tmp_path / name).write_text("kept")
    said = refused(capsys, *evaluated(tmp_path, blind=tmp_path / "blind.html"))
    assert f"{tmp_path / name} exists already" in said
    assert (tmp_path / name).read_text() == "kept"


def test_evaluation_looks_at_seed_and_files_before_a_model_is_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "--seed is -1; it must be at least 0" in refused(capsys, *evaluated(tmp_path, seed=-1))
    missing = tmp_path / "no.csv"
    assert f"{missing}: No such file or directory" in refused(capsys, *evaluated(tmp_path, people=missing))
    assert "--blind: there is no folder" in refused(
        capsys, *evaluated(tmp_path, blind=tmp_path / "no" / "blind.html")
    )
    arguments = evaluated(tmp_path)
    (tmp_path / "questions" / "test.jsonl").unlink()
    assert "test.jsonl: No such file or directory" in refused(capsys, *arguments)


def test_folder_of_a_run_is_one_run_s_alone(tmp_path: Path) -> None:
    run = tmp_path / "out"
    with (
        locked(run, new=True),
        pytest.raises(FinetuneError, match="another run is training in"),
        locked(run, new=True),
    ):
        pass
    assert run_before(run, resume=False) is None  # the lock alone is no run
    with locked(run, new=True):
        (run / "run.json").touch()
    with pytest.raises(FinetuneError, match="exists already"), locked(run, new=True):
        pass
    with locked(run, new=False):
        pass


def test_advice_is_given_to_those_who_can_take_it(tmp_path: Path) -> None:
    (tmp_path / "run.json").touch()
    with pytest.raises(FinetuneError, match=r"choose another out folder$"):
        run_before(tmp_path, resume=False)
    with pytest.raises(FinetuneError, match=r"another out folder, or this$"):
        run_before(tmp_path, resume=False, advice=", or this")


def test_checkpoint_that_was_being_replaced_counts_until_the_new_one_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    assert last_checkpoint(tmp_path) is None
    for name in ("step-00000002", "step-00000004.old", ".part"):
        (folder / name).mkdir(parents=True)
    assert last_checkpoint(tmp_path) == folder / "step-00000004.old"
    (folder / "step-00000004").mkdir()
    assert last_checkpoint(tmp_path) == folder / "step-00000004"
