"""GenerationService: messages in, rows to the engine, messages out."""
# ruff: noqa: N802 - methods bear the names of their RPCs

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from importlib.metadata import version
from typing import Any

from askwell.v1 import generation_pb2 as pb
from askwell.v1 import generation_pb2_grpc as pb_grpc

from ..engine.protocol import RowStream
from ..engine.row import Finish, Row
from ..errors import AskwellError, InvalidRequest, QueueFull, Unavailable, Violation
from .collect import finishes_of, held, merged
from .request_id import new_request_id
from .row_pb import deadline_from_context, delta_to_pb, ids_from_text, rows_from_pb, sample_to_pb
from .served import Served
from .status import code_number, shortened
from .validate import BATCH_LIMIT, Checks

STYLES = {"base": pb.PROMPT_STYLE_BASE, "chat": pb.PROMPT_STYLE_CHAT}


class GenerationService(pb_grpc.GenerationServiceServicer):
    """Serves one model."""

    def __init__(self, served: Served) -> None:
        self._served = served

    async def Generate(self, request: pb.GenerateRequest, context: Any) -> pb.GenerateResponse:
        rows = await rows_from_pb(request, self._served, deadline_from_context(context))
        with held(self._served.engine.submit(rows)) as streams:
            return await self._response(request, streams)

    async def GenerateStream(
        self, request: pb.GenerateRequest, context: Any
    ) -> AsyncIterator[pb.GenerateStreamResponse]:
        rows = await rows_from_pb(request, self._served, deadline_from_context(context))
        with held(self._served.engine.submit(rows)) as streams:
            yield pb.GenerateStreamResponse(started=self._started(request, rows))
            async with aclosing(merged(streams)) as events:
                async for index, event in events:
                    if isinstance(event, Finish):
                        yield pb.GenerateStreamResponse(finished=sample_to_pb(index, event, request.output))
                    else:
                        yield pb.GenerateStreamResponse(delta=delta_to_pb(index, event, request.output))

    async def GenerateBatch(
        self, request: pb.GenerateBatchRequest, context: Any
    ) -> AsyncIterator[pb.GenerateBatchResponse]:
        """Every prompt stands for itself: one that is refused or fails answers with its own error.

        Nothing is sent before admission, and a crowd that admits nothing at all refuses the whole call,
        so that it can be retried.
        """
        items = request.requests
        if not 1 <= len(items) <= BATCH_LIMIT:
            raise InvalidRequest.of("requests", f"{len(items)} given; from 1 to {BATCH_LIMIT}")
        deadline_s = deadline_from_context(context)
        asked: dict[int, list[Row]] = {}
        refused: dict[int, AskwellError] = {}
        for index, item in enumerate(items):
            await asyncio.sleep(0)  # hundreds of prompts would hold up every token stream
            item.request_id = item.request_id or new_request_id()
            try:
                asked[index] = await rows_from_pb(item, self._served, deadline_s)
            except AskwellError as error:
                refused[index] = _within(error, index)
        admitted = self._admitted(asked, refused) if asked else {}
        with held([stream for streams in admitted.values() for stream in streams]):
            for index, refusal in refused.items():
                yield _failed(index, refusal)
            async with aclosing(self._answers(items, admitted)) as answers:
                async for answer in answers:
                    yield answer

    def _admitted(
        self, asked: Mapping[int, list[Row]], refused: dict[int, AskwellError]
    ) -> dict[int, list[RowStream]]:
        """Admit everything at once, so that it is planned together; in a crowd, as much as fits.

        Adds what did not fit to ``refused``; raises the first refusal when nothing did.
        """
        submit = self._served.engine.submit
        try:
            together = iter(submit([row for rows in asked.values() for row in rows]))
            return {index: [next(together) for _ in rows] for index, rows in asked.items()}
        except QueueFull as full:
            first: AskwellError = full
        admitted: dict[int, list[RowStream]] = {}
        for index, rows in asked.items():
            try:
                admitted[index] = submit(rows)
            except (QueueFull, Unavailable) as error:
                refused[index] = error
        if not admitted:
            raise first
        return admitted

    async def _answers(
        self, items: Sequence[pb.GenerateRequest], admitted: Mapping[int, list[RowStream]]
    ) -> AsyncGenerator[pb.GenerateBatchResponse, None]:
        async def answer(index: int) -> pb.GenerateBatchResponse:
            try:
                response = await self._response(items[index], admitted[index])
            except AskwellError as error:
                return _failed(index, error)
            return pb.GenerateBatchResponse(index=index, response=response)

        tasks = [asyncio.create_task(answer(index)) for index in admitted]
        try:
            for task in asyncio.as_completed(tasks):
                yield await task
        finally:
            for running in tasks:
                running.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _started(self, request: pb.GenerateRequest, rows: Sequence[Row]) -> pb.Started:
        return pb.Started(
            request_id=request.request_id, model=self._served.name, prompt_tokens=len(rows[0].prompt)
        )

    async def _response(
        self, request: pb.GenerateRequest, streams: Sequence[RowStream]
    ) -> pb.GenerateResponse:
        finishes = await finishes_of(streams)
        samples = [sample_to_pb(index, finish, request.output) for index, finish in enumerate(finishes)]
        return pb.GenerateResponse(request_id=request.request_id, model=self._served.name, samples=samples)

    async def Tokenize(self, request: pb.TokenizeRequest, context: Any) -> pb.TokenizeResponse:
        self._served.answer_to(request.model)
        checks = Checks()
        ids = await ids_from_text(request.text, self._served, "text", checks)
        checks.done()
        return pb.TokenizeResponse(ids=ids, tokens=self._served.tokenizer.tokens(ids))

    async def GetModel(self, request: pb.GetModelRequest, context: Any) -> pb.GetModelResponse:
        self._served.answer_to(request.model)
        manifest, facts = self._served.manifest, self._served.engine.facts
        return pb.GetModelResponse(
            name=self._served.name,
            architecture=manifest.architecture,
            source=manifest.source,
            revision=manifest.revision or "",
            positions=manifest.positions,
            vocabulary_size=manifest.vocabulary_size,
            prompt_style=STYLES[manifest.prompt_style],
            quantization=manifest.quantization,
            weight_range=manifest.weight_range,
            compute_type=facts.compute_type,
            devices=facts.devices,
            sha256=manifest.files["model.bin"].sha256 if "model.bin" in manifest.files else "",
            server_version=version("askwell"),
        )

    async def GetLoad(self, request: pb.GetLoadRequest, context: Any) -> pb.GetLoadResponse:
        load = self._served.engine.load()
        return pb.GetLoadResponse(
            queued_rows=load.queued_rows,
            running_rows=load.running_rows,
            queue_limit=load.queue_limit,
            ready_engines=load.ready_engines,
            engines=load.engines,
        )


def _failed(index: int, error: AskwellError) -> pb.GenerateBatchResponse:
    failure = pb.BatchError(code=code_number(error), message=shortened(error.message))
    return pb.GenerateBatchResponse(index=index, error=failure)


def _within(error: AskwellError, index: int) -> AskwellError:
    """The same, with field paths that start at the batch."""
    if isinstance(error, InvalidRequest):
        return InvalidRequest(
            [Violation(f"requests[{index}].{v.field}", v.description) for v in error.violations]
        )
    return error
