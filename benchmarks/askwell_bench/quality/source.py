"""One source of questions, judged: the server's own, a baseline, or people."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .check import Known, form_flaw
from .diversity import Diversity, diversity
from .guarding import Check
from .interval import Estimate, estimate
from .likeness import Library, reciprocal_rank


@dataclass(frozen=True, slots=True)
class Written:
    """The questions of one source for one job. ``bare``: the same without their openings. ``resume``: the
    place of the right résumé in the library."""

    texts: Sequence[str]
    bare: Sequence[str]
    known: Known
    resume: int


@dataclass(frozen=True, slots=True)
class SourceFigures:
    """``form``: share in form. ``invented``: share that names what stands in neither document. ``unlawful``:
    share that the guard refuses. ``mrr``: of the right résumé from all of a job's questions together, and
    ``mrr_single`` from one question alone. ``bare_diversity``: without the openings. None where there are no
    documents to hold against."""

    questions: int
    form: Estimate | None
    invented: Estimate | None
    unlawful: Estimate | None
    mrr: Estimate | None
    mrr_single: Estimate | None
    diversity: Diversity | None
    bare_diversity: Diversity | None

    def facts(self) -> dict[str, Any]:
        return asdict(self)


def judge_source(jobs: Sequence[Written], library: Library, check: Check, size: int) -> SourceFigures:
    """``size``: the number of questions at which diversity is measured, the same for all sources."""

    def share(wrong: Callable[[Written, str], bool]) -> Estimate | None:
        return estimate([[float(wrong(job, text)) for text in job.texts] for job in jobs])

    def rank(texts: Sequence[str], right: int) -> float:
        return reciprocal_rank(library.scores(texts), right)

    return SourceFigures(
        questions=sum(len(job.texts) for job in jobs),
        form=share(lambda _, text: form_flaw(text) is None),
        invented=share(lambda job, text: bool(job.known.invented(text))),
        unlawful=share(lambda _, text: check(text) is not None),
        mrr=estimate([[rank(job.texts, job.resume)] for job in jobs if job.texts]),
        mrr_single=estimate([[rank([text], job.resume) for text in job.texts] for job in jobs]),
        diversity=diversity([job.texts for job in jobs], size),
        bare_diversity=diversity([job.bare for job in jobs], size),
    )


def judge_people(texts: Sequence[str], check: Check, size: int) -> SourceFigures:
    """Questions of people, asked of nobody we know: each stands for itself."""
    return SourceFigures(
        questions=len(texts),
        form=estimate([[float(form_flaw(text) is None)] for text in texts]),
        invented=None,
        unlawful=estimate([[float(check(text) is not None)] for text in texts]),
        mrr=None,
        mrr_single=None,
        diversity=diversity([[text] for text in texts], size),
        bare_diversity=None,
    )
