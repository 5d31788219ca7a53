"""How near texts are, and how sure a mean over jobs is."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from askwell_bench.quality.interval import estimate
from askwell_bench.quality.likeness import (
    MeaningLibrary,
    WordLibrary,
    reciprocal_rank,
    remembered,
)

TEXTS = (
    "Cared for 31 patients a night.\nSkills: wound care, triage, Excel",
    "Welding of boiler joints in Hull for years.",
)
OTHER = "Your résumé mentions welding. Which joints do you trust least?"


def test_interval_knows_that_questions_of_one_job_are_alike() -> None:
    spread_out = estimate([[0.0, 1.0]] * 20)
    clustered = estimate([[0.0, 0.0], [1.0, 1.0]] * 10)
    assert spread_out is not None and clustered is not None
    assert spread_out.mean == clustered.mean == 0.5
    assert spread_out.low == spread_out.high == 0.5
    assert clustered.low < 0.35 and clustered.high > 0.65
    assert estimate([[], []]) is None


def test_right_resume_is_found_by_its_words_and_ties_count_against_it() -> None:
    library = WordLibrary(TEXTS)
    assert reciprocal_rank(library.scores([OTHER]), 1) == 1.0
    assert reciprocal_rank(library.scores(["nothing of either"]), 0) == 0.5


def test_encoder_compares_with_the_nearest_line_and_reads_each_text_once() -> None:
    calls: list[str] = []

    def encode(texts: Sequence[str]) -> Any:
        calls.extend(texts)
        rows = [[float("weld" in text.lower()), float("patient" in text), 0.1] for text in texts]
        return np.array([np.array(row) / np.linalg.norm(row) for row in rows], np.float32)

    library = MeaningLibrary(TEXTS, remembered(encode))
    assert reciprocal_rank(library.scores([OTHER]), 1) == 1.0
    library.scores([OTHER])
    assert calls.count(OTHER) == 1
