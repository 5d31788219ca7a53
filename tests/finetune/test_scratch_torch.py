"""A GPT-J of our own, as small as can be, from a data set to a served form: ``make test-torch``."""

import json
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from askwell_convert.command import main as convert  # noqa: E402
from askwell_finetune.command import main  # noqa: E402
from askwell_finetune.corpus import documents  # noqa: E402
from askwell_finetune.evaluation.speaker import Speaker  # noqa: E402
from askwell_interview import prompt_for  # noqa: E402
from authored_roles import write_roles  # noqa: E402
from tiny_finetune import examples, write_data  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("default")]

SETTINGS = """
device = "cpu"
[shape]
layers = 2
width = 32
heads = 2
vocabulary = 600
positions = 512
[batch]
pack_tokens = 400
passes_per_step = 1
[schedule]
epochs = 20
learning_rate = 0.01
[watch]
validate_every = 40
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> SimpleNamespace:
    folder = tmp_path_factory.mktemp("scratch")
    data, roles = write_data(folder / "data"), write_roles(folder / "roles")
    (data / "card.json").write_text(json.dumps({"splits": {"train": {"roles": ["baker", "florist"]}}}))
    config = folder / "config.toml"
    config.write_text(
        f'data = "{data}"\nroles = "{roles}"\nout = "{folder / "out"}"\n{SETTINGS}', encoding="utf-8"
    )
    assert main(["scratch", str(config)]) == 0
    run = folder / "out" / "run"
    return SimpleNamespace(
        data=data, roles=roles, config=config, run=run, record=json.loads((run / "run.json").read_text())
    )


def test_a_model_from_nothing_learns_to_end_a_question(made, tmp_path):
    figures = made.record["figures"]
    assert made.record["result"]["best validation loss"] < 0.2 * figures["steps"][0]["loss"]
    assert convert([str(made.run / "model"), str(tmp_path / "small"), "--quantization", "float32"]) == 0
    speaker, example = Speaker(tmp_path / "small"), examples()[0]
    prompt = prompt_for(example.item, example.features, "base", example.opening)
    (text,) = speaker.write([prompt], seed=0, greedy=True)
    assert text.endswith("?") and len(text.split()) < 12


def test_all_weights_have_learnt_and_the_vocabulary_is_the_texts_own(made):
    from safetensors.torch import load_file

    start, model = (load_file(made.run.parent / at / "model.safetensors") for at in ("start", "run/model"))
    assert start.keys() == model.keys()
    assert not [name for name in start if torch.equal(start[name], model[name])]
    tokens = Tokenizer.from_file(str(made.run / "model" / "tokenizer.json")).encode(" spreadsheets").tokens
    assert tokens == ["Ġspreadsheets"]
    assert made.record["data"]["texts"]["examples"] > 1


def test_documents_of_training_roles_alone_are_read_and_nobody_is_named(made):
    texts = documents(made.data, made.roles)
    assert len(texts) == 4
    assert not [text for text in texts if "Novak" in text or "@" in text or "Butcher" in text]


def test_a_run_never_overwrites_another(made, capsys):
    assert main(["scratch", str(made.config)]) == 2
    assert f"{made.run.parent} exists already" in capsys.readouterr().err
    changed = made.config.with_name("changed.toml")
    changed.write_text(made.config.read_text().replace("layers = 2", "layers = 3"))
    assert main(["scratch", str(changed), "--resume"]) == 2
    assert "layers = 2" in capsys.readouterr().err


def test_a_shape_that_no_gptj_has_is_refused(made, tmp_path, capsys):
    config = tmp_path / "config.toml"
    config.write_text(f'data = "{made.data}"\nout = "{tmp_path / "out"}"\n[shape]\nwidth = 250\n')
    assert main(["scratch", str(config)]) == 2
    assert "shape.width is 250" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
