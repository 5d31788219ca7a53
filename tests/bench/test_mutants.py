"""The mutants: what is held against the converter, and that it stands up to a few of each kind."""

import json
import os
import zipfile
from pathlib import Path

import pytest
from askwell_bench.command import main
from askwell_bench.mutants import converter as converter_module
from askwell_bench.mutants import judge as judge_module
from askwell_bench.mutants.converter import Converter, Died
from askwell_bench.mutants.judge import FAULTS, Verdict, judge
from askwell_bench.mutants.mutation import Mutant, Mutation, Owed, mutants
from askwell_bench.mutants.reread import reread
from askwell_bench.mutants.source import ALL_FORMATS, tiny_source, write_source
from askwell_bench.mutants.worker import Answer, Job
from safetensors import deserialize

LINE = "askwell-convert: no\n"
FORMAT = "safetensors"


class Scripted(Converter):
    """Gives an answer that was thought up, and may write what a conversion would."""

    def __init__(self, answer: Answer | None, model: str | None = None, beside: str | None = None) -> None:
        super().__init__()
        self._answer, self._model, self._beside = answer, model, beside

    def ask(self, job: Job) -> Answer:
        folder = Path(job.output)
        if self._model is not None:
            folder.mkdir()
            (folder / "askwell.json").write_text("{}")
            (folder / "model.bin").write_text("other" if job.again else self._model)
        if self._beside:
            (folder.parent / self._beside).touch()
        if self._answer is None:
            raise Died("no answer")
        return self._answer


def verdict(folder: Path, converter: Converter, owed: Owed = Owed.REFUSED) -> Verdict:
    folder.mkdir()
    mutant = Mutant(0, FORMAT, Mutation("nothing", owed), 1)
    whole = Path(folder, "whole")
    whole.mkdir()
    (whole / "askwell.json").write_text("{}")
    (whole / "model.bin").write_text("whole")
    return judge(mutant, converter, folder, judge_module.fingerprint(whole))


def test_everything_but_one_line_and_code_2_is_a_fault(tmp_path: Path) -> None:
    answers = {
        "refused": Answer(2, LINE, 0, 0.0),
        "traceback": Answer(None, "Traceback (most recent call last)\n", 0, 0.0),
        "memory": Answer(2, "askwell-convert: this needs more memory than this machine gives\n", 0, 0.0),
        "died": None,
    }
    for kind, answer in answers.items():
        assert verdict(tmp_path / kind, Scripted(answer)).kind == kind
    unclear = (
        (2, LINE + LINE),
        (2, ""),
        (1, LINE),
        (2, "no\n"),
        (2, "askwell-convert: " + "x" * 2000),
        (2, "\x1b"),
    )
    for number, (code, said) in enumerate(unclear):
        assert verdict(tmp_path / str(number), Scripted(Answer(code, said, 0, 0.0))).kind == "unclear"
    left = Scripted(Answer(2, LINE, 0, 0.0), beside=".model.converting-1")
    assert verdict(tmp_path / "left", left).kind == "left behind"


def test_conversion_is_right_only_where_it_is_owed_and_other_readers_agree(tmp_path: Path) -> None:
    done = Answer(0, "", 0, 0.0)
    cases = [
        ("whole", Owed.REFUSED, "wrong"),
        ("whole", Owed.SAME, "same"),
        ("whole", Owed.RIGHT, "same"),
        ("other", Owed.SAME, "wrong"),
        ("other", Owed.RIGHT, "right"),
        ("third", Owed.RIGHT, "wrong"),
    ]
    for number, (model, owed, kind) in enumerate(cases):
        assert verdict(tmp_path / str(number), Scripted(done, model), owed).kind == kind
    refused = Scripted(Answer(2, LINE, 0, 0.0))
    assert verdict(tmp_path / "refused", refused, Owed.SAME).kind == "wrong"


def test_process_that_dies_or_hangs_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_source(tiny_source(FORMAT), tmp_path)
    with Converter() as converter:
        assert converter.ask(Job.of(source, tmp_path / "one")).code == 0
        monkeypatch.setattr(converter_module, "MUTANT_S", 0.5)
        process = converter._process
        assert process is not None
        os.kill(process.pid, 19)  # SIGSTOP: it hangs
        with pytest.raises(Died, match="no answer within"):
            converter.ask(Job.of(source, tmp_path / "two"))
        assert process.poll() is not None
        assert converter.ask(Job.of(source, tmp_path / "three")).code == 0


@pytest.mark.parametrize("format_", ALL_FORMATS)
def test_other_readers_read_what_was_written(tmp_path: Path, format_: str) -> None:
    """To the byte, save a zip's dates and the order of safetensors."""
    (tmp_path / "again").mkdir()
    source = write_source(tiny_source(format_), tmp_path)
    again = reread(source, tmp_path / "again")
    pairs = [(source, again)] if source.is_file() else [(p, again / p.name) for p in source.iterdir()]
    for one, other in pairs:
        if one.suffix == ".bin":
            assert entries(one) == entries(other)
        elif one.suffix == ".safetensors":
            assert tensors(one) == tensors(other)
        else:
            assert one.read_bytes() == other.read_bytes()


def entries(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def tensors(path: Path) -> dict[str, bytes]:
    return {name: bytes(entry["data"]) for name, entry in deserialize(path.read_bytes())}


def test_same_seed_makes_the_same_mutants_of_every_kind() -> None:
    one, other = mutants(200, 1), mutants(200, 1)
    assert [(m.format, m.mutation.name, m.seed) for m in one] == [
        (m.format, m.mutation.name, m.seed) for m in other
    ]
    assert {m.format for m in one} == set(ALL_FORMATS)
    assert len({m.mutation.name for m in one}) > 50


def test_command_tells_every_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mutants", "--count", "16", "--seed", "5", "--out", str(tmp_path)]) == 0
    told = json.loads((tmp_path / "mutants.json").read_text())
    assert sum(told["verdicts"].values()) == told["count"] == 16
    assert not any(told["verdicts"][kind] for kind in FAULTS)
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["faults"] == []
