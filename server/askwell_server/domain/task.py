"""What the front asks of a domain worker. Each task is a picklable value that knows how to run.

A worker's ``Desk`` is told which document is being read, so that a worker that dies or hangs over one can
be blamed on that document.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, TypeVar

from askwell_interview import (
    Document,
    DocumentError,
    Encoder,
    Features,
    FollowUpJudgement,
    Guard,
    Interview,
    Judgement,
    MediaType,
    Mode,
    OpenFollowUp,
    Question,
    Verdict,
    document_from_bytes,
    document_from_text,
    extract_features,
    judge,
    judge_follow_up,
    open_follow_up,
    open_interview,
)

Which: TypeAlias = Literal["job", "resume"]
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Desk:
    """What a task finds in its worker.

    ``reading`` is to be told the field of each document before it is read. ``encoder`` is the server's, None
    for a server that was given none.
    """

    reading: Callable[[str], None]
    encoder: Encoder | None = None


class Task(Protocol[T_co]):
    def run(self, desk: Desk) -> T_co:
        """Raises DocumentError for input that cannot be used."""
        ...


@dataclass(frozen=True, slots=True)
class RawDocument:
    """A document as it came: its field in the request, text or bytes, and what the caller says it is."""

    which: Which
    body: str | bytes
    media_type: MediaType | None = None

    def read(self, desk: Desk) -> Document:
        desk.reading(self.which)
        try:
            if isinstance(self.body, str):
                return document_from_text(self.body)
            return document_from_bytes(self.body, self.media_type)
        except DocumentError as error:
            raise DocumentError(error.message, self.which) from None


@dataclass(frozen=True, slots=True)
class Extracted:
    """Features, and the texts they were read from."""

    features: Features
    job_text: str
    resume_text: str


@dataclass(frozen=True, slots=True)
class ExtractFeatures:
    """Read one or two documents and say what is in them."""

    job: RawDocument
    resume: RawDocument | None

    def run(self, desk: Desk) -> Extracted:
        job = self.job.read(desk)
        resume = self.resume.read(desk) if self.resume else None
        features = extract_features(job, resume, encoder=desk.encoder)
        return Extracted(features, job.text, resume.text if resume else "")


@dataclass(frozen=True, slots=True)
class Opened:
    """An interview that is planned and has its prompts, and the texts it was made from."""

    interview: Interview
    job_text: str
    resume_text: str


@dataclass(frozen=True, slots=True)
class OpenInterview:
    """Read the documents and plan the interview. ``resume`` is None where the mode does without."""

    job: RawDocument
    resume: RawDocument | None
    count: int
    core: tuple[Question, ...]
    style: Literal["base", "chat"]
    mode: Mode = Mode.STRUCTURED
    minutes: int | None = None
    jurisdictions: frozenset[str] = frozenset()

    def run(self, desk: Desk) -> Opened:
        job = self.job.read(desk)
        resume = self.resume.read(desk) if self.resume else None
        interview = open_interview(
            job,
            resume,
            count=self.count,
            mode=self.mode,
            minutes=self.minutes,
            core=self.core,
            style=self.style,
            encoder=desk.encoder,
            jurisdictions=self.jurisdictions,
        )
        return Opened(interview, job.text, resume.text if resume else "")


@dataclass(frozen=True, slots=True)
class Judge:
    """Choose the best of what the model wrote for one item."""

    interview: Interview
    item_id: str
    texts: tuple[str, ...]
    taken: tuple[str, ...]
    log_probabilities: tuple[float | None, ...] = ()

    def run(self, desk: Desk) -> Judgement:
        return judge(
            self.interview, self.item_id, self.texts, self.taken, desk.encoder, self.log_probabilities
        )


@dataclass(frozen=True, slots=True)
class HearAnswer:
    """Say what an answer was like, and prepare the follow-up."""

    question: Question
    answer: str
    style: Literal["base", "chat"]
    jurisdictions: frozenset[str] = frozenset()

    def run(self, desk: Desk) -> OpenFollowUp:
        return open_follow_up(self.question, self.answer, self.style, desk.encoder, self.jurisdictions)


@dataclass(frozen=True, slots=True)
class JudgeFollowUp:
    """Choose the best of what the model wrote after an answer."""

    opened: OpenFollowUp
    texts: tuple[str, ...]
    log_probabilities: tuple[float | None, ...]

    def run(self, desk: Desk) -> FollowUpJudgement:
        return judge_follow_up(self.opened, self.texts, desk.encoder, self.log_probabilities)


@dataclass(frozen=True, slots=True)
class CheckQuestion:
    """Whether a question may be asked, by the law of the jurisdictions, or of all for none."""

    text: str
    jurisdictions: frozenset[str]

    def run(self, desk: Desk) -> Verdict:
        return Guard(desk.encoder, self.jurisdictions).check(self.text)
