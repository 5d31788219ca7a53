"""What training leaves is what PEFT loads, the converter merges and the certificate compares with."""

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
peft = pytest.importorskip("peft")

from askwell_convert.command import main as convert  # noqa: E402
from askwell_finetune.base_model import find_base, load_base  # noqa: E402
from askwell_finetune.command import main  # noqa: E402
from askwell_finetune.data_set import read_split  # noqa: E402
from askwell_finetune.loss import TokenLoss, tensors_from_packs  # noqa: E402
from askwell_finetune.pack import pack_examples  # noqa: E402
from askwell_finetune.tokens import Encoded, ExampleEncoder  # noqa: E402
from ctranslate2 import Generator  # noqa: E402
from tiny_finetune import tiny_gptj, tiny_llama, write_config, write_data  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("default")]

SETTINGS = """
[batch]
passes_per_step = 1
gradient_checkpointing = true
[schedule]
steps = 12
learning_rate = 0.1
"""
TEXT = "The candidate led a team of five engineers and designed the payment service. " * 40


def encoded(base: Path, data: Path) -> list[Encoded]:
    return list(
        read_split(data, "validation", ExampleEncoder(find_base(str(base), "").source), 4096).examples
    )


def loss_by_peft(base: Path, adapter: Path, data: Path) -> float:
    """The validation loss of what PEFT makes of the adapter's files."""
    model = load_base(find_base(str(base), ""), "float32")
    adapted = peft.PeftModel.from_pretrained(model, adapter).eval()
    with torch.no_grad():
        return float(
            TokenLoss(adapted)(tensors_from_packs([pack_examples(encoded(base, data))], "cpu")).mean()
        )


@pytest.mark.parametrize("make", [tiny_llama, tiny_gptj])
def test_an_adapter_is_worth_as_much_to_peft_and_to_the_converted_model(tmp_path, make, capsys):
    folder, data = make(tmp_path / "base"), write_data(tmp_path / "data")
    config = write_config(tmp_path / "run.toml", folder, data, tmp_path / "out", SETTINGS)
    assert main(["train", str(config)]) == 0
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    best, untuned = record["result"]["best validation loss"], record["figures"]["steps"][0]["loss"]
    assert best < untuned - 0.05

    assert loss_by_peft(folder, tmp_path / "out" / "adapter", data) == pytest.approx(best, abs=1e-5)

    model, adapter = str(tmp_path / "model"), str(tmp_path / "out" / "adapter")
    assert convert([str(folder), model, "--adapter", adapter, "--quantization", "float32"]) == 0
    vocabulary = json.loads((tmp_path / "model" / "vocabulary.json").read_text())
    examples = encoded(folder, data)
    generator, losses = Generator(model, device="cpu", intra_threads=1), []
    for each in examples:
        logits = np.array(generator.forward_batch([[vocabulary[i] for i in each.ids]]))[0].astype(np.float64)
        chances = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        start = len(each.prompt)
        losses += [-chances[start + at - 1, target] for at, target in enumerate(each.completion)]
    assert np.mean(losses) == pytest.approx(best, abs=1e-4)

    (tmp_path / "text.txt").write_text(TEXT)
    told = ["certify", model, "--reference", str(folder), "--text", str(tmp_path / "text.txt")]
    assert convert([*told, "--adapter", adapter]) == 0
    assert "passes" in capsys.readouterr().out


def test_a_run_that_gets_no_better_stops_and_keeps_what_was_best(tmp_path):
    folder, data = tiny_llama(tmp_path / "base"), write_data(tmp_path / "data")
    settings = "[schedule]\nsteps = 50\nlearning_rate = 1.5\n[watch]\nvalidate_every = 1\npatience = 1"
    config = write_config(tmp_path / "run.toml", folder, data, tmp_path / "out", settings)
    assert main(["train", str(config)]) == 0
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    losses = [each["loss"] for each in record["figures"]["validations"]]
    assert min(losses) == losses[-2] < losses[-1]
    assert record["result"]["stopped"] == f"no better validation loss since step {len(losses) - 1}"
    assert loss_by_peft(folder, tmp_path / "out" / "adapter", data) == pytest.approx(losses[-2], abs=1e-5)


def test_an_adapter_may_be_stored_in_half_the_bytes(tmp_path):
    from safetensors import safe_open

    base, data = tiny_llama(tmp_path / "base"), write_data(tmp_path / "data")
    settings = '[adapter]\nstored = "float16"\n[schedule]\nsteps = 2\n'
    assert (
        main(["train", str(write_config(tmp_path / "run.toml", base, data, tmp_path / "out", settings))]) == 0
    )
    with safe_open(tmp_path / "out" / "adapter" / "adapter_model.safetensors", "pt") as tensors:
        assert {tensors.get_slice(name).get_dtype() for name in tensors.keys()} == {"F16"}  # noqa: SIM118
