"""The loss of a pack is that of its examples alone: ``make test-torch``."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from askwell_finetune.base_model import find_base, load_base  # noqa: E402
from askwell_finetune.config import Adapter  # noqa: E402
from askwell_finetune.lora import add_adapter  # noqa: E402
from askwell_finetune.loss import TokenLoss, tensors_from_packs  # noqa: E402
from askwell_finetune.pack import pack_examples  # noqa: E402
from askwell_finetune.tokens import ExampleEncoder  # noqa: E402
from tiny_finetune import examples, tiny_gptj, tiny_llama  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("default")]


@pytest.mark.parametrize("make", [tiny_llama, tiny_gptj])
def test_loss_and_gradient_of_packs_are_those_of_their_examples_alone(tmp_path, make):
    base = find_base(str(make(tmp_path / "base")), "")
    encoder = ExampleEncoder(base.source)
    encoded = [encoder.encode(example) for example in examples()[:9]]
    adapted = add_adapter(load_base(base, "float32"), base, Adapter(rank=2), seed=0)
    torch.manual_seed(1)
    for weight in adapted.parameters():
        if weight.requires_grad:
            torch.nn.init.normal_(weight, 0, 0.3)
    loss = TokenLoss(adapted)
    weights = [weight for weight in adapted.parameters() if weight.requires_grad]
    packs = [pack_examples(encoded[:4]), pack_examples(encoded[4:])]
    assert len(packs[0].ids) != len(packs[1].ids)

    together = loss(tensors_from_packs(packs, "cpu"))
    gradients = torch.autograd.grad(together.mean(), weights)
    alone = [loss(tensors_from_packs([pack_examples([each])], "cpu")) for each in encoded]
    apart = torch.autograd.grad(torch.cat(alone).mean(), weights)

    torch.testing.assert_close(together, torch.cat(alone), rtol=0, atol=1e-5)
    for one, other in zip(gradients, apart, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_loss_is_that_of_transformers_own_labels(tmp_path):
    base = find_base(str(tiny_llama(tmp_path / "base")), "")
    model = load_base(base, "float32")
    example = ExampleEncoder(base.source).encode(examples()[0])
    ids = torch.tensor([example.ids])
    labels = ids.clone()
    labels[0, : len(example.prompt)] = -100
    theirs = model(input_ids=ids, labels=labels).loss
    ours = TokenLoss(add_adapter(model, base, Adapter(), seed=0))
    mean = ours(tensors_from_packs([pack_examples([example])], "cpu")).mean()
    np.testing.assert_allclose(float(mean.detach()), float(theirs.detach()), atol=1e-5)
