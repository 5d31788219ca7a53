"""What a change of the documents does to the questions."""

from collections.abc import Sequence

from rapidfuzz.fuzz import ratio

from .asking import Asked, core, probes, texts
from .interval import Estimate, estimate
from .likeness import Encode, set_distance

SAME = 90.0  # of rapidfuzz's ratio: the same question but for a word


def changed(before: Sequence[str], after: Sequence[str]) -> list[float]:
    """For each question of ``after`` 1.0 when ``before`` has none like it, else 0.0."""
    return [0.0 if any(ratio(text, other) >= SAME for other in before) else 1.0 for text in after]


def swap_figures(jobs: Sequence[Asked], encode: Encode | None) -> dict[str, Estimate | None]:
    """``twin_excess``: how much farther the twin's set lies than the second run's, job by job."""
    far = [distances(asked, encode) for asked in jobs]
    across = [other_job_distance(asked, jobs, encode) for asked in jobs]
    return {
        "probes_changed": estimate([probes_changed(asked) for asked in jobs]),
        "core_kept": estimate([core_kept(asked) for asked in jobs]),
        "distance_again": estimate([[each["again"]] for each in far]),
        "distance_twin": estimate([[each["twin"]] for each in far]),
        "distance_other_resume": estimate([[each["other_resume"]] for each in far]),
        "distance_other_job": estimate([[each] for each in across if each is not None]),
        "twin_excess": estimate([[each["twin"] - each["again"]] for each in far]),
        "twin_same_plan": estimate([[same_plan(asked)] for asked in jobs]),
    }


def probes_changed(asked: Asked) -> list[float]:
    return changed(texts(probes(asked.own)), texts(probes(asked.other)))


def core_kept(asked: Asked) -> list[float]:
    """1.0 for each core question of the right résumé that the other's set holds word for word."""
    held = {(each.id, each.text) for each in core(asked.other)}
    return [float((each.id, each.text) in held) for each in core(asked.own)]


def distances(asked: Asked, encode: Encode | None) -> dict[str, float]:
    """From the set of the right résumé, over all its questions; of ``other`` over its probes, since its core
    is given."""
    own, own_probes = texts(asked.own.questions), texts(probes(asked.own))
    return {
        "again": set_distance(own, texts(asked.again.questions), encode),
        "twin": set_distance(own, texts(asked.twin.questions), encode),
        "other_resume": set_distance(own_probes, texts(probes(asked.other)), encode),
    }


def other_job_distance(asked: Asked, others: Sequence[Asked], encode: Encode | None) -> float | None:
    """Between the sets of two jobs for one and the same résumé: that of ``asked.other``."""
    home = next((each for each in others if each.name == asked.other_name), None)
    if home is None:
        return None
    return set_distance(texts(home.own.questions), texts(asked.other.questions), encode)


def same_plan(asked: Asked) -> float:
    """1.0 when the twin is asked about the same things for the same reasons, in the same order."""
    first, second = (
        [(item.slot, item.type, item.competency, item.relation) for item in each.plan.items]
        for each in (asked.own, asked.twin)
    )
    return float(first == second)
