"""Who is suspected of a crash, and when an engine process is given up."""

from askwell_server.engine.row import Options, Row
from askwell_server.engine.suspects import Suspects
from askwell_server.engine.watch import is_stuck


def row(request_id: str, *prompt: int) -> Row:
    return Row(prompt or (1, 2), Options(), 8, request_id=request_id)


def test_suspects_are_known_by_their_id_and_by_what_they_ask() -> None:
    suspects = Suspects()
    assert not suspects
    suspects.accuse([row("a", 5, 6)])
    assert suspects and suspects.suspected(row("a", 7, 8)) and suspects.suspected(row("other", 5, 6))
    assert not suspects.suspected(row("b", 7, 8)) and not suspects.guilty(row("a", 5, 6))
    suspects.clear(row("a", 5, 6))
    assert not suspects


def test_who_died_alone_twice_is_refused_under_any_id() -> None:
    suspects = Suspects()
    suspects.accuse([row("a", 5, 6)])
    assert not suspects.died_alone(row("a", 5, 6), killed=False) and not suspects.guilty(row("a", 5, 6))
    assert suspects.suspected(row("a", 5, 6))  # so its next try runs alone as well
    assert suspects.died_alone(row("a", 5, 6), killed=False)
    assert suspects.guilty(row("z", 5, 6)) and suspects.guilty(row("a", 9, 9))
    assert not suspects.suspected(row("a", 5, 6)) and not suspects.guilty(row("z", 9, 9))


def test_sigkill_is_blamed_half_as_much_as_other_deaths() -> None:
    suspects = Suspects()
    deaths = [suspects.died_alone(row("a", 5, 6), killed=True) for _ in range(4)]
    assert deaths == [False, False, False, True]
    assert not suspects.died_alone(row("b", 7, 8), killed=True)
    assert not suspects.died_alone(row("b", 7, 8), killed=False)
    assert suspects.died_alone(row("b", 7, 8), killed=True)


def test_who_lived_through_a_run_alone_starts_afresh() -> None:
    suspects = Suspects()
    suspects.accuse([row("a", 5, 6)])
    suspects.died_alone(row("a", 5, 6), killed=False)
    suspects.clear(row("a", 5, 6))
    assert not suspects.died_alone(row("a", 5, 6), killed=False)


def test_only_so_many_are_remembered() -> None:
    suspects = Suspects()
    suspects.accuse(row(f"id-{i}", i, i) for i in range(2000))
    assert not suspects.suspected(row("id-0", 0, 0)) and suspects.suspected(row("id-1999", 1999, 1999))


def test_batch_is_stuck_only_far_beyond_what_it_should_take() -> None:
    assert not is_stuck(29, expected_s=0.01) and is_stuck(31, expected_s=0.01)
    assert not is_stuck(100, expected_s=10) and is_stuck(201, expected_s=10)
