"""Packs: every example as it stands alone, and no token twice."""

from dataclasses import replace

import numpy as np
import pytest
from askwell_convert.convert import open_source
from askwell_finetune.pack import pack_examples, plan_packs
from askwell_finetune.tokens import Encoded, ExampleEncoder
from tiny_finetune import examples, tiny_llama


@pytest.fixture(scope="module")
def encoded(tmp_path_factory) -> list[Encoded]:
    encoder = ExampleEncoder(open_source(str(tiny_llama(tmp_path_factory.mktemp("base") / "llama")), None))
    return [encoder.encode(example) for example in examples()]


def seen(pack, row: int) -> list[int]:
    """The tokens that a row sees, by their positions."""
    visible = np.flatnonzero(pack.mask()[row])
    return [int(pack.ids[each]) for each in visible[np.argsort(pack.positions[visible])]]


def test_each_target_sees_the_tokens_before_it_and_no_other(encoded):
    pack = pack_examples(encoded[:7])
    for owner, example in enumerate(encoded[:7]):
        (mine,) = np.nonzero(pack.owners == owner)
        assert tuple(pack.targets[mine]) == example.completion
        for at, row in enumerate(pack.rows[mine]):
            assert tuple(seen(pack, row)) == example.prompt + example.completion[:at]
            assert pack.positions[row] == len(example.prompt) + at - 1


def test_what_neighbours_share_stands_in_a_pack_once(encoded):
    twins = [encoded[0], encoded[1], replace(encoded[0])]
    pack = pack_examples(sorted(twins, key=lambda each: each.ids))
    alone = [pack_examples([each]) for each in encoded[:2]]
    shared = next(n for n, (a, b) in enumerate(zip(encoded[0].ids, encoded[1].ids, strict=False)) if a != b)
    assert len(pack.ids) == sum(len(each.ids) for each in alone) - shared
    assert len(pack.targets) == 2 * len(alone[0].targets) + len(alone[1].targets)


def test_a_plan_has_every_example_once_in_packs_under_the_limit(encoded):
    limit = 2 * max(len(each.ids) for each in encoded)
    packs = plan_packs(encoded, limit, np.random.default_rng([1, 0]))
    assert sorted(number for pack in packs for number in pack) == list(range(len(encoded)))
    sizes = [len(pack_examples([encoded[number] for number in pack]).ids) for pack in packs]
    assert max(sizes) <= limit
    assert sum(sizes) < 0.5 * sum(len(each.ids) for each in encoded)


def test_a_plan_is_its_seeds_and_each_epoch_has_another(encoded):
    plans = [plan_packs(encoded, 600, np.random.default_rng([1, epoch])) for epoch in (0, 0, 1)]
    assert plans[0] == plans[1] != plans[2]


def test_an_example_over_the_limit_has_a_pack_of_its_own(encoded):
    packs = plan_packs(encoded[:3], 10, np.random.default_rng(0))
    assert sorted(packs) == [(0,), (1,), (2,)]
