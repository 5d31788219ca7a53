"""The synchronous client: a thin driver of the calls, with blocking I/O."""

from collections.abc import Generator, Iterable
from time import sleep
from types import TracebackType
from typing import Self, TypeVar, Unpack, cast

import grpc

from askwell_client.call import Call, message_to_bytes
from askwell_client.calls import generation, interview, server
from askwell_client.document import DocumentLike
from askwell_client.failure import RpcFailure
from askwell_client.generation import BatchItem, Generation, Prompt, StreamEvent, Tokens
from askwell_client.interview import (
    Extraction,
    FollowUpSuggestion,
    Question,
    QuestionCheck,
    QuestionEvent,
    QuestionSet,
)
from askwell_client.model import Health, Load, ModelInfo
from askwell_client.option import FollowUpOptions, GenerateOptions, QuestionOptions
from askwell_client.settings import CHANNEL_OPTIONS, Settings

Result = TypeVar("Result")


class Client:
    """A connection to an Askwell server, safe to share between threads.

    Every call has a deadline: ``timeout_s`` seconds, retries included, unless the call says otherwise. A call
    refused with UNAVAILABLE or RESOURCE_EXHAUSTED is tried again up to ``retries`` times, when the server
    says or else after a growing pause; a stream only while nothing of it has arrived. What still fails raises
    an ``AskwellError``.

    >>> with Client("localhost:50051") as client:
    ...     for question in client.questions(Path("job.md"), Path("resume.pdf"), count=8).questions:
    ...         print(question.text)
    """

    def __init__(self, target: str = "localhost:50051", *, timeout_s: float = 60.0, retries: int = 3) -> None:
        self._settings = Settings(target, timeout_s, retries)
        self._channel = grpc.insecure_channel(target, options=CHANNEL_OPTIONS)

    def generate(self, prompt: Prompt, **options: Unpack[GenerateOptions]) -> Generation:
        """Continues a prompt: text, token ids, or ``ChatMessage``s for a chat model."""
        return self._answer(generation.generate(prompt, options))

    def stream(
        self, prompt: Prompt, **options: Unpack[GenerateOptions]
    ) -> Generator[StreamEvent, None, None]:
        """The same as it comes: ``Started``, ``Delta``s, and each ``Sample`` when finished.

        Closing the generator, or dropping it, ends the call on the server too.
        """
        return self._answers(generation.stream(prompt, options))

    def generate_batch(
        self, prompts: Iterable[Prompt], **options: Unpack[GenerateOptions]
    ) -> Generator[BatchItem, None, None]:
        """Many prompts under the same options, each as it finishes. A failed one leaves the others be."""
        return self._answers(generation.generate_batch(prompts, options))

    def questions(
        self, job: DocumentLike, resume: DocumentLike | None = None, **options: Unpack[QuestionOptions]
    ) -> QuestionSet:
        """Interview questions for a candidate. A ``str`` is a document's text, a ``Path`` its file."""
        return self._answer(interview.questions(job, resume, options))

    def stream_questions(
        self, job: DocumentLike, resume: DocumentLike | None = None, **options: Unpack[QuestionOptions]
    ) -> Generator[QuestionEvent, None, None]:
        """The same as it comes: ``StreamPlan``, each ``Question`` when finished, ``Summary``."""
        return self._answers(interview.stream_questions(job, resume, options))

    def features(
        self,
        job: DocumentLike,
        resume: DocumentLike | None = None,
        *,
        include_text: bool = False,
        timeout_s: float | None = None,
    ) -> Extraction:
        """What questions would be based on. Runs no language model."""
        return self._answer(interview.features(job, resume, include_text, timeout_s))

    def check_question(
        self, text: str, *, jurisdictions: Iterable[str] = (), timeout_s: float | None = None
    ) -> QuestionCheck:
        """Whether a question may be asked, by the law of "US", "UK", "EU", "CN", or of all for none."""
        return self._answer(interview.check_question(text, jurisdictions, timeout_s))

    def suggest_follow_up(
        self, question: Question | str, answer: str, **options: Unpack[FollowUpOptions]
    ) -> FollowUpSuggestion:
        """What to ask next. The server judges the answer, and neither logs nor keeps it."""
        return self._answer(interview.follow_up(question, answer, options))

    def tokenize(self, text: str, *, model: str = "", timeout_s: float | None = None) -> Tokens:
        """Splits text into the model's tokens."""
        return self._answer(generation.tokenize(text, model, timeout_s))

    def model(self, name: str = "", *, timeout_s: float | None = None) -> ModelInfo:
        """Describes the model that is served."""
        return self._answer(server.model(name, timeout_s))

    def load(self, *, timeout_s: float | None = None) -> Load:
        """How busy the server is."""
        return self._answer(server.load(timeout_s))

    def health(self, *, timeout_s: float | None = None) -> Health:
        """Whether the server takes requests. Raises ``ConnectError`` when there is none."""
        return self._answer(server.health(timeout_s))

    def close(self) -> None:
        """Ends the connection and every call that still runs on it."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _answer(self, call: Call[Result]) -> Result:
        attempts = self._settings.attempts(call)
        rpc = self._channel.unary_unary(call.path, message_to_bytes, call.reply.FromString)
        while True:
            try:
                return call.result(rpc(call.request, timeout=attempts.left_s()))
            except grpc.RpcError as failure:
                delay_s = attempts.delay_after(cast(RpcFailure, failure))
            sleep(delay_s)

    def _answers(self, call: Call[Result]) -> Generator[Result, None, None]:
        attempts = self._settings.attempts(call)
        rpc = self._channel.unary_stream(call.path, message_to_bytes, call.reply.FromString)
        answered = False
        while True:
            messages = rpc(call.request, timeout=attempts.left_s())
            try:
                for message in messages:
                    answered = True
                    yield call.result(message)
                return
            except grpc.RpcError as failure:
                delay_s = attempts.delay_after(cast(RpcFailure, failure), answered=answered)
            finally:
                messages.cancel()
            sleep(delay_s)
