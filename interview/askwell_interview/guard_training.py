"""Training of the guard's head, data/guard/head.npz: ``python examples/guard_head.py`` runs it.

Logistic regression by Newton's method on the kernel of ``guard_head``, from the sentences of
``guard_sentence``. The threshold is chosen by cross-validation on the training lines alone, in folds that
keep sentences of like meaning together, so that no sentence is judged by a head that has seen its
paraphrase. Nothing is drawn at random: the same encoder, numpy and processor give the same bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .encoder import Encoder, FloatRows
from .guard_category import categories
from .guard_head import CLAUSE_SHARE, LETTER_SHARE, WHOLE_SHARE, WORD_SHARE, kernel
from .guard_sentence import Sentence, judged_sentences, more_sentences
from .guard_words import LETTER_BUCKETS, WORD_BUCKETS, buckets, last_clause

Rows = npt.NDArray[np.float64]

LANDMARKS = 600
PENALTY = 0.1
NEWTON_STEPS = 10
FOLDS = 10
SAME_MEANING = 0.68  # cosine from which two sentences stay in one fold
FALSE_ALARMS = 0.04  # of the near-misses, in cross-validation: the goal is 0.05
HIT_WEIGHT = 1.5  # what a pattern's hit adds to a score; the patterns' author has seen the training lines
CATEGORY_STEPS, CATEGORY_RATE, CATEGORY_PENALTY = 400, 20.0, 1e-3


@dataclass(frozen=True, slots=True)
class Trained:
    """``arrays``: what the file holds. ``shares``: of each kind of sentence, what is refused in
    cross-validation, the sentences for training only included."""

    arrays: dict[str, npt.NDArray[np.generic]]
    shares: dict[str, float]


def train(encoder: Encoder) -> Trained:
    sentences = [*judged_sentences(held_out=False), *more_sentences()]
    whole = encoder.encode([each.text for each in sentences])
    clause = encoder.encode([last_clause(each.text) for each in sentences])
    landmarks = _far_apart(np.concatenate([whole, clause]), LANDMARKS).astype(np.float16)
    reach = _root(landmarks.astype(np.float32))
    words, letters = _counts(sentences)
    parts = {
        "whole": WHOLE_SHARE**0.5 * kernel(whole, landmarks.astype(np.float32)) @ reach,
        "clause": CLAUSE_SHARE**0.5 * kernel(clause, landmarks.astype(np.float32)) @ reach,
        "word": WORD_SHARE**0.5 * words,
        "letter": LETTER_SHARE**0.5 * letters,
    }
    alike: Rows = sum((part @ part.T for part in parts.values()), np.full((len(sentences),) * 2, 1.0))
    wanted = np.array([each.unlawful for each in sentences], dtype=np.float64)
    hits = np.array([any(c.matches(each.text) for c in categories()) for each in sentences])
    seen = _cross_validated(alike, wanted, _folds(whole))
    seen += HIT_WEIGHT * hits
    threshold = _threshold(seen, sentences)
    dual = _fitted(alike, wanted)
    arrays: dict[str, npt.NDArray[np.generic]] = {
        "landmarks": landmarks,
        "whole": (WHOLE_SHARE**0.5 * reach @ (parts["whole"].T @ dual)).astype(np.float32),
        "clause": (CLAUSE_SHARE**0.5 * reach @ (parts["clause"].T @ dual)).astype(np.float32),
        "word": (WORD_SHARE**0.5 * parts["word"].T @ dual).astype(np.float16),
        "letter": (LETTER_SHARE**0.5 * parts["letter"].T @ dual).astype(np.float16),
        "category": _category_weights(whole, sentences).astype(np.float16),
        "numbers": np.array([dual.sum(), threshold, HIT_WEIGHT], dtype=np.float32),
    }
    return Trained(arrays, _shares(seen, threshold, sentences))


def save(trained: Trained, path: Path) -> None:
    np.savez_compressed(path, **trained.arrays)  # type: ignore[arg-type]  # numpy's stub takes the arrays for its flag


def _far_apart(rows: FloatRows, count: int) -> FloatRows:
    """Each the row farthest from those taken before."""
    taken, distance = [0], np.full(len(rows), np.inf)
    while len(taken) < count:
        distance = np.minimum(distance, 2 - 2 * rows @ rows[taken[-1]])
        taken.append(int(distance.argmax()))
    return rows[taken]


def _root(landmarks: FloatRows) -> Rows:
    """What turns kernels with the landmarks into features: K(landmarks, landmarks) to the power -1/2."""
    values, vectors = np.linalg.eigh(kernel(landmarks, landmarks).astype(np.float64))
    kept = values > 1e-3
    root: Rows = (vectors[:, kept] / np.sqrt(values[kept])) @ vectors[:, kept].T
    return root


def _counts(sentences: Sequence[Sentence]) -> tuple[Rows, Rows]:
    """Hashed words and letters of each sentence, as ``Head.read`` weighs them."""
    words = np.zeros((len(sentences), WORD_BUCKETS))
    letters = np.zeros((len(sentences), LETTER_BUCKETS))
    for row, each in enumerate(sentences):
        for table, found in zip((words, letters), buckets(each.text), strict=True):
            np.add.at(table[row], found, len(found) ** -0.5)
    return words, letters


def _fitted(alike: Rows, wanted: Rows) -> Rows:
    """The dual weights of logistic regression: a row of ``alike`` times them is a score."""
    dual: Rows = np.zeros_like(wanted)
    for _ in range(NEWTON_STEPS):
        score = alike @ dual
        chance = 1 / (1 + np.exp(-score))
        spread = np.maximum(chance * (1 - chance), 1e-5)
        weighed = alike + np.diag(PENALTY / spread)
        dual = np.asarray(np.linalg.solve(weighed, score + (wanted - chance) / spread), np.float64)
    return dual


def _folds(rows: FloatRows) -> npt.NDArray[np.int64]:
    """A fold for each row; rows of like meaning, and whatever they are linked with, share one."""
    group = np.arange(len(rows))
    for one, other in np.argwhere(np.triu(rows @ rows.T > SAME_MEANING, 1)):
        group[group == group[other]] = group[one]
    _, number = np.unique(group, return_inverse=True)
    return (number * 7919) % FOLDS


def _cross_validated(alike: Rows, wanted: Rows, folds: npt.NDArray[np.int64]) -> Rows:
    """Each sentence's score by a head that has not seen its fold."""
    scores = np.empty(len(wanted))
    for fold in range(FOLDS):
        rest = folds != fold
        dual = _fitted(alike[np.ix_(rest, rest)], wanted[rest])
        scores[~rest] = alike[np.ix_(~rest, rest)] @ dual
    return scores


def _threshold(scores: Rows, sentences: Sequence[Sentence]) -> float:
    """Over it lie FALSE_ALARMS of the near-misses that are like those held out."""
    count = len(judged_sentences(held_out=False))
    lawful = [
        score
        for score, each in zip(scores[:count], sentences[:count], strict=True)
        if each.kind == "near_miss"
    ]
    return float(np.quantile(lawful, 1 - FALSE_ALARMS))


def _shares(scores: Rows, threshold: float, sentences: Sequence[Sentence]) -> dict[str, float]:
    """Of each kind of sentence, the share that is refused."""
    refused: dict[str, list[bool]] = {}
    for score, each in zip(scores, sentences, strict=True):
        refused.setdefault(each.kind, []).append(bool(score > threshold))
    return {kind: sum(found) / len(found) for kind, found in refused.items()}


def _category_weights(rows: FloatRows, sentences: Sequence[Sentence]) -> Rows:
    """Multinomial logistic regression of the unlawful sentences' categories, by gradient descent."""
    names = [category.id for category in categories()]
    mine = [index for index, each in enumerate(sentences) if each.unlawful]
    inputs = np.c_[rows[mine], np.ones(len(mine))].astype(np.float64)
    wanted = np.eye(len(names))[[names.index(sentences[index].category) for index in mine]]
    weights = np.zeros((inputs.shape[1], len(names)))
    for _ in range(CATEGORY_STEPS):
        raised = np.exp(inputs @ weights)
        slope = inputs.T @ (raised / raised.sum(axis=1, keepdims=True) - wanted) / len(mine)
        weights -= CATEGORY_RATE * (slope + CATEGORY_PENALTY * weights)
    return weights
