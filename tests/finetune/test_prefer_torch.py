"""A whole run of ``prefer`` on a tiny Llama: ``make test-torch``."""

import json
import math
from pathlib import Path
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from askwell_finetune.base_model import find_base, load_base  # noqa: E402
from askwell_finetune.command import main  # noqa: E402
from askwell_finetune.config import Adapter  # noqa: E402
from askwell_finetune.dpo import EncodedPair, judge, log_ratios  # noqa: E402
from askwell_finetune.lora import add_adapter  # noqa: E402
from askwell_finetune.loss import TokenLoss  # noqa: E402
from askwell_finetune.tokens import ExampleEncoder  # noqa: E402
from reviewed import many, write_reviews  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from tiny_finetune import examples, tiny_gptj, tiny_llama  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("default")]


def config(folder: Path, base: Path, out: str, more: str = "", learning_rate: float = 0.01) -> str:
    path = folder / f"{out}.toml"
    path.write_text(
        f'model = "{base}"\nreviews = "{folder / "reviews.jsonl"}"\nout = "{folder / out}"\n{more}\n'
        f'device = "cpu"\n[adapter]\nrank = 2\n[schedule]\nlearning_rate = {learning_rate}\nsteps = 6\n'
    )
    return str(path)


@pytest.fixture(scope="module")
def preferred(tmp_path_factory) -> SimpleNamespace:
    folder = tmp_path_factory.mktemp("preferred")
    write_reviews(folder / "reviews.jsonl", many())
    base = tiny_llama(folder / "llama")
    assert main(["prefer", config(folder, base, "out")]) == 0
    return SimpleNamespace(
        folder=folder, base=base, record=json.loads((folder / "out" / "run.json").read_text())
    )


def test_the_chosen_questions_gain_on_the_rejected_ones_of_jobs_never_seen(preferred):
    result = preferred.record["result"]
    before, after = result["before"]["held out"], result["after"]["held out"]
    assert before["margin"] == 0 and before["loss"] == pytest.approx(math.log(2))
    assert after["margin"] > 0 and after["accuracy"] > 0.9
    assert result["after"]["train"]["loss"] < before["loss"]
    assert after["pairs"] == 8


def test_a_run_leaves_what_train_leaves_and_no_path(preferred):
    out = preferred.folder / "out"
    assert {each.name for each in out.iterdir()} == {"adapter", "run.json", "curves.svg"}
    assert str(preferred.folder) not in (out / "run.json").read_text()


def test_a_run_goes_on_from_an_adapter_of_the_same_base_alone(preferred, capsys):
    folder, start = preferred.folder, f'start = "{preferred.folder / "out" / "adapter"}"'
    assert main(["prefer", config(folder, preferred.base, "further", start, learning_rate=0.0)]) == 0
    adapters = [
        load_file(folder / out / "adapter" / "adapter_model.safetensors") for out in ("out", "further")
    ]
    torch.testing.assert_close(*adapters, rtol=0, atol=0)
    capsys.readouterr()
    assert main(["prefer", config(folder, tiny_gptj(folder / "gptj"), "other", start)]) == 2
    assert "another base" in capsys.readouterr().err
    assert not (folder / "other").exists()


def test_a_run_never_overwrites_another(preferred, capsys):
    assert main(["prefer", config(preferred.folder, preferred.base, "out")]) == 2
    assert "exists already" in capsys.readouterr().err


def test_log_ratios_are_those_of_each_answer_on_its_own(preferred):
    base = find_base(str(preferred.base), "")
    encoder = ExampleEncoder(base.source)
    chosen, rejected = (encoder.encode(each) for each in examples()[:2])
    adapted = add_adapter(load_base(base, "float32"), base, Adapter(rank=2), 0).eval()
    with torch.no_grad():
        (found,) = log_ratios(TokenLoss(adapted), [EncodedPair(chosen, rejected)], "cpu")
        alone = []
        for each in (chosen, rejected):
            logits = adapted(torch.tensor([each.ids])).logits[0, len(each.prompt) - 1 : -1]
            nats = logits.log_softmax(-1).gather(1, torch.tensor(each.completion)[:, None])
            alone.append(float(nats.sum()))
    assert float(found) == pytest.approx(alone[0] - alone[1], abs=1e-4)


def test_the_loss_is_that_of_the_paper():
    found = judge(torch.tensor([3.0, -1.0]), torch.tensor([1.0, 0.0]), beta=0.5)
    assert found.loss.tolist() == pytest.approx([math.log(1 + math.exp(-1.0)), math.log(1 + math.exp(0.5))])
