"""GenerationService: messages in, rows to the engine, messages out."""
# ruff: noqa: N802 - methods bear the names of their RPCs

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from importlib.metadata import version
from itertools import chain
from typing import Any

from askwell.v1 import generation_pb2 as pb
from askwell.v1 import generation_pb2_grpc as pb_grpc

from ..engine.protocol import RowStream
from ..engine.row import Finish, Row
from ..errors import AskwellError, InvalidRequest, QueueFull, Unavailable, Violation
from .certificate_pb import certificate_to_pb
from .collect import Event, finishes_of, held, merged
from .prompt_pb import ids_from_text
from .request_id import new_request_id
from .row_pb import deadline_from_context, delta_to_pb, rows_from_pb, sample_to_pb
from .served import Served, Serving
from .status import code_number, shortened
from .validate import BATCH_LIMIT, Checks

STYLES = {"base": pb.PROMPT_STYLE_BASE, "chat": pb.PROMPT_STYLE_CHAT}


class GenerationService(pb_grpc.GenerationServiceServicer):
    """Serves one model at a time."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving

    async def Generate(self, request: pb.GenerateRequest, context: Any) -> pb.GenerateResponse:
        with self._serving.lease() as served:
            rows = await rows_from_pb(request, served, deadline_from_context(context))
            with held(served.engine.submit(rows)) as streams:
                return await _response(request, served, streams)

    async def GenerateStream(
        self, request: pb.GenerateRequest, context: Any
    ) -> AsyncIterator[pb.GenerateStreamResponse]:
        with self._serving.lease() as served:
            rows = await rows_from_pb(request, served, deadline_from_context(context))
            with held(served.engine.submit(rows)) as streams:
                yield pb.GenerateStreamResponse(started=_started(request, served, rows))
                async with aclosing(merged(streams)) as events:
                    async for index, event in events:
                        yield _event_to_pb(index, event, request.output)

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
        with self._serving.lease() as served:
            for index, item in enumerate(items):
                await asyncio.sleep(0)  # hundreds of prompts would hold up every token stream
                item.request_id = item.request_id or new_request_id()
                try:
                    asked[index] = await rows_from_pb(item, served, deadline_s)
                except AskwellError as error:
                    refused[index] = _within(error, index)
            admitted = self._admitted(served, asked, refused) if asked else {}
            with held([*chain(*admitted.values())]):
                for index, refusal in refused.items():
                    yield _failed(index, refusal)
                async with aclosing(self._answers(served, items, admitted)) as answers:
                    async for answer in answers:
                        yield answer

    def _admitted(
        self, served: Served, asked: Mapping[int, list[Row]], refused: dict[int, AskwellError]
    ) -> dict[int, list[RowStream]]:
        """Admit everything at once, so that it is planned together; in a crowd, as much as fits.

        Adds the rest to ``refused``; when nothing was admitted, raises the first refusal that can be retried.
        """
        submit = served.engine.submit
        try:
            together = iter(submit([row for rows in asked.values() for row in rows]))
            return {index: [next(together) for _ in rows] for index, rows in asked.items()}
        except AskwellError as error:  # maybe for one prompt's sake
            refusals = [error]
        admitted: dict[int, list[RowStream]] = {}
        try:
            for index, rows in asked.items():
                try:
                    admitted[index] = submit(rows)
                except AskwellError as error:
                    refusals.append(error)
                    refused[index] = _within(error, index)
        except BaseException:
            for stream in chain(*admitted.values()):
                stream.cancel()
            raise
        retryable = [error for error in refusals if isinstance(error, QueueFull | Unavailable)]
        if retryable and not admitted:
            raise retryable[0]
        return admitted

    async def _answers(
        self,
        served: Served,
        items: Sequence[pb.GenerateRequest],
        admitted: Mapping[int, list[RowStream]],
    ) -> AsyncGenerator[pb.GenerateBatchResponse, None]:
        async def answer(index: int) -> pb.GenerateBatchResponse:
            try:
                response = await _response(items[index], served, admitted[index])
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

    async def Tokenize(self, request: pb.TokenizeRequest, context: Any) -> pb.TokenizeResponse:
        with self._serving.lease() as served:
            served.answer_to(request.model)
            checks = Checks()
            ids = await ids_from_text(request.text, served, "text", checks)
            checks.done()
            return pb.TokenizeResponse(ids=ids, tokens=served.tokenizer.tokens(ids))

    async def GetModel(self, request: pb.GetModelRequest, context: Any) -> pb.GetModelResponse:
        served = self._serving.served
        served.answer_to(request.model)
        manifest, facts = served.manifest, served.engine.facts
        return pb.GetModelResponse(
            name=served.name,
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
            certificate=certificate_to_pb(manifest),
        )

    async def GetLoad(self, request: pb.GetLoadRequest, context: Any) -> pb.GetLoadResponse:
        load = self._serving.served.engine.load()
        return pb.GetLoadResponse(
            queued_rows=load.queued_rows,
            running_rows=load.running_rows,
            queue_limit=load.queue_limit,
            ready_engines=load.ready_engines,
            engines=load.engines,
            predicted_wait_s=load.predicted_wait_s,
            capacity_tokens_s=load.capacity_tokens_s,
            prediction_error=load.prediction_error,
        )


def _started(request: pb.GenerateRequest, served: Served, rows: Sequence[Row]) -> pb.Started:
    return pb.Started(request_id=request.request_id, model=served.name, prompt_tokens=len(rows[0].prompt))


def _event_to_pb(index: int, event: Event, output: pb.Output) -> pb.GenerateStreamResponse:
    if isinstance(event, Finish):
        return pb.GenerateStreamResponse(finished=sample_to_pb(index, event, output))
    return pb.GenerateStreamResponse(delta=delta_to_pb(index, event, output))


async def _response(
    request: pb.GenerateRequest, served: Served, streams: Sequence[RowStream]
) -> pb.GenerateResponse:
    finishes = await finishes_of(streams)
    samples = [sample_to_pb(index, finish, request.output) for index, finish in enumerate(finishes)]
    return pb.GenerateResponse(request_id=request.request_id, model=served.name, samples=samples)


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
