"""The fit of the guard's head, on numbers small enough to check by hand."""

import numpy as np
from askwell_interview.guard_fit import PENALTY, Design, fitted, ridge

FOUND = [[0, 2], [1], [2], [0, 1], [1, 2]]
DESIGN = Design.of(FOUND, 3, 0.4)
DENSE = np.array([[1, 0.5], [1, -1], [1, 0.2], [1, 0.9], [1, -0.3]], np.float32)
WANTED = np.array([1, 0, 1, 1, 0], np.float32)


def test_a_texts_hashed_features_have_the_length_of_their_share() -> None:
    rows = DESIGN.rows()
    assert np.allclose((rows**2).sum(axis=1), 0.4)
    assert np.allclose(DESIGN.times(np.array([1.0, 2.0, 3.0])), rows @ [1, 2, 3])
    assert np.allclose(DESIGN.back(np.arange(5.0)), np.arange(5.0) @ rows)


def test_the_fit_is_where_the_penalised_likelihood_has_no_slope() -> None:
    made = fitted(DENSE, (DESIGN,), WANTED, np.ones(5, np.float32))
    off = WANTED - 1 / (1 + np.exp(-made.scores(DENSE, (DESIGN,))))
    assert np.allclose(off @ DENSE, PENALTY * made.dense, atol=1e-4)
    assert np.allclose(DESIGN.back(off), PENALTY * made.sparse[0], atol=1e-4)


def test_a_text_of_weight_nought_is_left_out() -> None:
    weight = np.array([1, 1, 1, 1, 0], np.float32)
    turned = np.array([1, 0, 1, 1, 1], np.float32)
    one, other = (fitted(DENSE, (DESIGN,), wanted, weight) for wanted in (WANTED, turned))
    assert np.allclose(one.dense, other.dense) and np.allclose(one.sparse[0], other.sparse[0])


def test_ridge_minds_a_heavy_text_more_than_a_light_one() -> None:
    alike = np.ones((2, 2))
    wanted = np.array([[1.0], [0.0]])
    estimates = [
        (alike @ ridge(alike, wanted, np.array(weight)))[0, 0] for weight in ([9.0, 1.0], [1.0, 9.0])
    ]
    assert estimates[0] > 0.8 and estimates[1] < 0.2
