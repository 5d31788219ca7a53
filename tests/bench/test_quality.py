"""What the quality bench calls good: exact evidence, form, the right person, and nothing private."""

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest
from asked_sets import COOK, CORE, OTHER, OWN, PAIRS, asked, asked_set, outcome, question
from askwell_bench.quality import command, guarding
from askwell_bench.quality.asking import ask
from askwell_bench.quality.canary import personas
from askwell_bench.quality.criterion import verdicts
from askwell_bench.quality.diversity import distinct, diversity, self_bleu
from askwell_bench.quality.human import questions_from_csv
from askwell_bench.quality.likeness import (
    set_distance,
)
from askwell_bench.quality.pair import pairs_from_folders, spread, twin_of
from askwell_bench.quality.swap import changed, core_kept, distances, probes_changed, same_plan
from askwell_client import (
    Client,
    PromptStyle,
    QuestionSet,
)

DATA = Path(__file__).resolve().parents[2] / "benchmarks" / "data"


def test_every_resume_has_a_twin_that_bears_another_name() -> None:
    pairs = pairs_from_folders(DATA / "jobs", DATA / "resumes")
    assert len(pairs) == 24
    for pair in pairs:
        assert pair.twin != pair.resume
        assert pair.twin.count("\n") == pair.resume.count("\n")
    with pytest.raises(ValueError, match="does not hold"):
        twin_of("Anna Example", {"Berta": "Carl"})
    assert [each.name for each in spread(pairs, 2)] == ["auditor", "machine-learning-engineer"]


def test_distance_of_sets_is_none_to_itself_and_whole_to_nothing() -> None:
    assert set_distance([OWN.text], [OWN.text], None) == 0.0
    assert set_distance([OWN.text], [], None) == 1.0
    assert 0 < set_distance([OWN.text], [OTHER.text, OWN.text], None) < 0.5


def test_swap_counts_changed_probes_and_the_core_word_for_word() -> None:
    assert changed([OWN.text], [OWN.text.replace("learn", "learnt"), OTHER.text]) == [0.0, 1.0]
    assert probes_changed(asked()) == [1.0]
    assert core_kept(asked()) == [1.0]
    reworded = replace(CORE, text=CORE.text + " Why?")
    assert core_kept(asked(other=asked_set([reworded, OTHER]))) == [0.0]


def test_twin_with_other_questions_is_farther_than_a_second_run() -> None:
    unfair = asked(twin=asked_set([CORE, OTHER]))
    far = distances(unfair, None)
    assert far["twin"] > far["again"] == 0.0
    assert (same_plan(asked()), same_plan(unfair)) == (1.0, 0.0)
    held = [
        next(each.held for each in verdicts(outcome(*jobs)) if "only name" in each.criterion)
        for jobs in ([unfair] * 8, [asked()] * 8, [unfair] * 2)
    ]
    assert held == [False, True, None]  # two jobs are too few to tell


def test_diversity_is_taken_at_one_size() -> None:
    same, various = [["how", "do", "you", "do", "it"]] * 3, [["a", "b", "c", "d"], ["e", "f", "g", "h"]]
    assert self_bleu(same) == pytest.approx(1.0)
    assert self_bleu(various) == 0.0
    assert distinct(various, 1) == 1.0 and distinct(same, 1) == pytest.approx(4 / 15)
    found = diversity([[f"question number {n} of job {job}" for n in range(4)] for job in range(5)], 6)
    assert found is not None and found.size == 6
    assert diversity([["only one"]], 6) is None


def test_leak_is_noted_with_its_channel_and_one_is_too_many() -> None:
    canaries = personas(0)[0].canaries
    found = outcome(asked())
    leak = found.leakage
    leak.planted, found.leakage_whole = 504, True
    leak.look("log", "line", "GET /questions 200", canaries)
    held = lambda: next(each.held for each in verdicts(found) if "personal" in each.criterion)  # noqa: E731
    assert held() is True
    found.leakage_whole = False
    assert held() is None
    leak.look("log", "line", f"read {canaries[1].text}", canaries)
    leak.look("log", "line", "GET /metrics 200", canaries)
    assert held() is False
    assert leak.by_kind() == {"email": 1, "name": 1}  # the address holds the family name


def test_guard_is_asked_about_the_blind_file_and_the_even_lines_of_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "data" / "guard"
    folder.mkdir(parents=True)
    rows = ["age\tdirect\tlearnt from", "age\tdirect\tHow old are you?", "x", "age\tnear_miss\tAre you 18?"]
    (folder / "sentences-1.tsv").write_text("\n".join(rows))
    (folder / "ordinary.tsv").write_text("Why sort?\nHow do you sort?\n")
    (folder / "blind.tsv").write_text("age\tindirect\tDo you feel old?\n\tordinary\tWhy?\nHow so?\n")
    monkeypatch.setattr(guarding, "files", lambda _: tmp_path)
    blind = guarding.held_out()
    assert [(each.kind, each.text) for each in blind] == [
        ("indirect", "Do you feel old?"),
        ("ordinary", "Why?"),
        ("ordinary", "How so?"),
    ]
    sentences = [
        guarding.Sentence("", "ordinary", "How do you sort?"),
        guarding.Sentence("age", "direct", "How old are you?"),
        guarding.Sentence("age", "near_miss", "Are you 18?"),
    ]
    run = guarding.judge_sentences("test", lambda text: "age" if "old" in text else None, sentences)
    shares = {kind: run.refused(kind) for kind in guarding.KINDS}
    assert [shares[kind].mean if shares[kind] else None for kind in guarding.KINDS] == [1.0, None, 0.0, 0.0]  # type: ignore[union-attr]
    assert run.named_right == 1.0


def test_peoples_questions_come_once_each(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("question,answer\nWhat do you do best?,a\nWhat do you do best?,b\nWhy?,c\n")
    assert questions_from_csv(file) == ["What do you do best?"]
    file.write_text("text\nWhat do you do best?\n")
    with pytest.raises(ValueError, match="column question"):
        questions_from_csv(file)


class FakeClient:
    """Answers like a server that writes of the résumé's first word, and dies when told to."""

    def __init__(self, sets: int = 4, end: BaseException | None = None) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.prompts: list[Any] = []
        self.left = sets
        self.end = end or RuntimeError("the server ended")

    def __enter__(self) -> "FakeClient":
        return self

    def __exit__(self, *error: Any) -> None: ...

    def model(self) -> Any:
        return type("Model", (), {"prompt_style": PromptStyle.BASE})()

    def features(self, job: Any, resume: Any, **options: Any) -> Any:
        from askwell_client import Extraction

        skill = {"name": "triage", "resume_evidence": {"quote": "triage"}}
        return Extraction.from_dict({"features": {"job_title": "nurse", "job_skills": [skill]}})

    def generate(self, prompt: Any, **options: Any) -> Any:
        self.prompts.append(prompt)
        samples = [type("Sample", (), {"text": " What do you like about wards at night? "})()]
        return type("Generation", (), {"samples": samples * options["num_return"]})()

    def questions(self, job: Any, resume: str, **options: Any) -> QuestionSet:
        self.calls.append((resume, options))
        self.left -= 1
        if self.left < 0:
            raise self.end
        word = resume.split()[0]
        return asked_set(
            [CORE, question(f"What have you learnt from the word {word.lower()} at work?")], resume
        )


def test_one_job_is_asked_with_the_right_documents_and_the_founding_prompt() -> None:
    client, pair = FakeClient(5), replace(PAIRS[0], rivals=(COOK,))
    found = ask(cast(Client, client), pair, PAIRS[1], 5, Random(0))
    resumes = [resume for resume, _ in client.calls]
    assert resumes == [pair.resume, pair.resume, PAIRS[1].resume, pair.twin, COOK]
    given = [tuple(options["core_questions"]) for _, options in client.calls]
    assert given == [(), (), (CORE,), (), (CORE,)]
    assert client.prompts == ["Generate an interview question for a nurse with experience in triage"]
    assert found.founding == ("What do you like about wards at night?",) * 2  # as many as own has, not 5
    assert len(found.bank) == 2
    assert found.topics == ("triage",)


def arguments_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, client: FakeClient) -> Any:
    """Of a run against the fake."""

    @contextmanager
    def server(*given: Any) -> Iterator[str]:
        yield "address"

    monkeypatch.setattr(command, "running_server", server)
    monkeypatch.setattr(command, "Client", lambda address: client)
    monkeypatch.setattr(command, "read_manifest", lambda folder: type("Manifest", (), {"name": "fake"})())
    monkeypatch.setattr(command, "model_facts", lambda manifest: {"name": "fake"})
    sentence = guarding.Sentence("age", "direct", "How old are you?")
    monkeypatch.setattr(command, "held_out", lambda: [sentence])
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    folders = ["--jobs", str(DATA / "jobs"), "--resumes", str(DATA / "resumes"), "--pairs", "3"]
    files = ["--out", str(tmp_path), "--html", str(tmp_path / "q.html")]
    return parser.parse_args(["--model", "m", *folders, *files])


SETS_OF_A_JOB_AND_A_BIT = 1 + 4 + 4 + 1  # the warm-up, the first job, its rivals, the second job's first set


def test_run_that_breaks_off_says_so_and_shows_its_jobs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    client = FakeClient(SETS_OF_A_JOB_AND_A_BIT)
    assert command.run(arguments_for(tmp_path, monkeypatch, client)) == 1
    told = json.loads((tmp_path / "quality.json").read_text())
    assert (told["partial"], told["stopped"], told["jobs"]) == (True, "the server ended", ["auditor"])
    assert told["leakage"]["whole"] is False
    assert "PARTIAL: the server ended" in capsys.readouterr().out
    assert (tmp_path / "q.html").read_text().startswith("<!doctype html>")


def test_run_that_is_killed_leaves_the_jobs_that_it_finished(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    client = FakeClient(SETS_OF_A_JOB_AND_A_BIT, SystemExit())
    with pytest.raises(SystemExit):
        command.run(arguments_for(tmp_path, monkeypatch, client))
    told = json.loads((tmp_path / "quality.json").read_text())
    assert (told["partial"], told["jobs"]) == (True, ["auditor"])
