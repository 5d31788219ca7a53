"""The asynchronous client: the driver of ``client.py`` over grpc.aio, with the same methods."""

from asyncio import sleep
from collections.abc import AsyncGenerator, Iterable
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


class AsyncClient:
    """A connection to an Askwell server for one event loop. Every method does what ``Client``'s does.

    >>> async with AsyncClient("localhost:50051") as client:
    ...     async for event in client.stream("Once upon a time", max_new_tokens=40):
    ...         if isinstance(event, Delta):
    ...             print(event.text, end="")
    """

    def __init__(self, target: str = "localhost:50051", *, timeout_s: float = 60.0, retries: int = 3) -> None:
        self._settings = Settings(target, timeout_s, retries)
        self._opened: grpc.aio.Channel | None = None

    async def generate(self, prompt: Prompt, **options: Unpack[GenerateOptions]) -> Generation:
        """Continues a prompt: text, token ids, or ``ChatMessage``s for a chat model."""
        return await self._answer(generation.generate(prompt, options))

    def stream(self, prompt: Prompt, **options: Unpack[GenerateOptions]) -> AsyncGenerator[StreamEvent, None]:
        """The same as it comes. Leave it early under ``contextlib.aclosing`` to end the call at once."""
        return self._answers(generation.stream(prompt, options))

    def generate_batch(
        self, prompts: Iterable[Prompt], **options: Unpack[GenerateOptions]
    ) -> AsyncGenerator[BatchItem, None]:
        """Many prompts under the same options, each as it finishes. A failed one leaves the others be."""
        return self._answers(generation.generate_batch(prompts, options))

    async def questions(
        self, job: DocumentLike, resume: DocumentLike | None = None, **options: Unpack[QuestionOptions]
    ) -> QuestionSet:
        """Interview questions for a candidate. A ``str`` is a document's text, a ``Path`` its file."""
        return await self._answer(interview.questions(job, resume, options))

    def stream_questions(
        self, job: DocumentLike, resume: DocumentLike | None = None, **options: Unpack[QuestionOptions]
    ) -> AsyncGenerator[QuestionEvent, None]:
        """The same as it comes: ``StreamPlan``, each ``Question`` when finished, ``Summary``."""
        return self._answers(interview.stream_questions(job, resume, options))

    async def features(
        self,
        job: DocumentLike,
        resume: DocumentLike | None = None,
        *,
        include_text: bool = False,
        timeout_s: float | None = None,
    ) -> Extraction:
        """What questions would be based on. Runs no language model."""
        return await self._answer(interview.features(job, resume, include_text, timeout_s))

    async def check_question(
        self, text: str, *, jurisdictions: Iterable[str] = (), timeout_s: float | None = None
    ) -> QuestionCheck:
        """Whether a question may be asked, by the law of "US", "UK", "EU", "CN", or of all for none."""
        return await self._answer(interview.check_question(text, jurisdictions, timeout_s))

    async def suggest_follow_up(
        self, question: Question | str, answer: str, **options: Unpack[FollowUpOptions]
    ) -> FollowUpSuggestion:
        """What to ask next. The server judges the answer, and neither logs nor keeps it."""
        return await self._answer(interview.follow_up(question, answer, options))

    async def tokenize(self, text: str, *, model: str = "", timeout_s: float | None = None) -> Tokens:
        """Splits text into the model's tokens."""
        return await self._answer(generation.tokenize(text, model, timeout_s))

    async def model(self, name: str = "", *, timeout_s: float | None = None) -> ModelInfo:
        """Describes the model that is served."""
        return await self._answer(server.model(name, timeout_s))

    async def load(self, *, timeout_s: float | None = None) -> Load:
        """How busy the server is."""
        return await self._answer(server.load(timeout_s))

    async def health(self, *, timeout_s: float | None = None) -> Health:
        """Whether the server takes requests. Raises ``ConnectError`` when there is none."""
        return await self._answer(server.health(timeout_s))

    async def close(self) -> None:
        """Ends the connection and every call that still runs on it."""
        if self._opened is not None:
            await self._opened.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _channel(self) -> grpc.aio.Channel:
        """The channel, opened on first use: it belongs to the event loop that runs then."""
        if self._opened is None:
            self._opened = grpc.aio.insecure_channel(self._settings.target, options=CHANNEL_OPTIONS)
        return self._opened

    async def _answer(self, call: Call[Result]) -> Result:
        attempts = self._settings.attempts(call)
        rpc = self._channel().unary_unary(call.path, message_to_bytes, call.reply.FromString)
        while True:
            try:
                return call.result(await rpc(call.request, timeout=attempts.left_s()))
            except grpc.RpcError as failure:
                delay_s = attempts.delay_after(cast(RpcFailure, failure))
            await sleep(delay_s)

    async def _answers(self, call: Call[Result]) -> AsyncGenerator[Result, None]:
        attempts = self._settings.attempts(call)
        rpc = self._channel().unary_stream(call.path, message_to_bytes, call.reply.FromString)
        answered = False
        while True:
            messages = rpc(call.request, timeout=attempts.left_s())
            try:
                async for message in messages:
                    answered = True
                    yield call.result(message)
                return
            except grpc.RpcError as failure:
                delay_s = attempts.delay_after(cast(RpcFailure, failure), answered=answered)
            finally:
                messages.cancel()
            await sleep(delay_s)
