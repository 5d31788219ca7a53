"""The set that is chosen: the best there is, within its limits."""

import itertools
import random
from collections import Counter
from types import SimpleNamespace

import pytest
from askwell_interview import QuestionType, selection
from askwell_interview.selection import Candidate, Wish, choose

B, S, T, M = (
    QuestionType.BEHAVIOURAL,
    QuestionType.SITUATIONAL,
    QuestionType.TECHNICAL,
    QuestionType.MOTIVATION,
)


def drawn(seed: int, topics: int) -> tuple[list[Candidate], Wish]:
    """A program of few enough candidates to try every set."""
    rng = random.Random(seed)
    candidates = []
    for topic in range(topics):
        place, field, lean = (
            rng.choice([None, 0, 1]),
            rng.choice(["", "a", "a", "a"]),
            rng.choice([0.0, 0.5, 1.0]),
        )
        for type_ in rng.sample([B, S, T, M], 2):
            value = round(rng.uniform(-1, 5), 2)
            candidates.append(
                Candidate(topic, type_, value, rng.randint(3, 6), rng.randint(1, 5), lean, place, field)
            )
    types = {B: 1.5, S: 1.0, T: 1.0, M: 0.5}
    same = frozenset({(0, 1), (2, 4)})
    return candidates, Wish(4, types, 0.57, 2.8, 18, same, (1, 1), frozenset({0}))


def allowed(chosen: list[Candidate], wish: Wish) -> bool:
    topics = [c.topic for c in chosen]
    motivated = sum(c.type is M for c in chosen)
    return (
        len(chosen) <= wish.count
        and len(set(topics)) == len(topics)
        and sum(c.minutes for c in chosen) <= (wish.minutes or 0)
        and not any(pair in wish.same for pair in itertools.permutations(topics, 2))
        and wish.motivation[0] <= motivated <= wish.motivation[1]
    )


def worth(chosen: list[Candidate], wish: Wish) -> float:
    """The objective as the module's docstring has it."""
    types, fields = Counter(c.type for c in chosen), Counter(c.field for c in chosen)
    places = Counter(c.place for c in chosen)
    asked = sum(n - (place not in wish.places) for place, n in places.items() if place is not None)
    crowd = sum(max(0, n - step) for field, n in fields.items() if field for step in selection.FIELD_STEPS)
    return (
        sum(selection.ITEM + c.value for c in chosen)
        - selection.TYPE * sum(abs(types[t] - wanted) for t, wanted in wish.types.items())
        - selection.LEAN * abs(sum(c.lean - wish.lean for c in chosen))
        - selection.LADDER * abs(sum(c.difficulty - wish.difficulty for c in chosen))
        - selection.PLACE * asked
        - selection.FIELD * crowd
    )


@pytest.mark.parametrize("seed", range(6))
def test_set_is_the_best_of_all_that_are_allowed(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "FIELD_STEPS", (1, 2))  # few enough topics to try all sets
    monkeypatch.setattr(selection, "FIELD", 1.5)
    candidates, wish = drawn(seed, topics=6)
    sets = (
        [candidates[i] for i in places]
        for size in range(wish.count + 1)
        for places in itertools.combinations(range(len(candidates)), size)
    )
    best = max(worth(each, wish) for each in sets if allowed(each, wish))
    chosen = [candidates[i] for i in choose(candidates, wish)]
    assert allowed(chosen, wish) and worth(chosen, wish) == pytest.approx(best, abs=1e-3)


def test_solver_that_gives_up_leaves_a_set_within_the_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "milp", lambda *_, **__: SimpleNamespace(x=None, status=1))
    for seed in range(20):
        candidates, wish = drawn(seed, topics=12)
        chosen = [candidates[i] for i in choose(candidates, wish)]
        assert allowed(chosen, wish) and len(chosen) >= 3


def test_nothing_to_choose_from_is_an_empty_set() -> None:
    _, wish = drawn(0, topics=2)
    assert choose([], wish) == []
