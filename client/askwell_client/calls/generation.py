"""Calls of ``askwell.v1.GenerationService`` that run the model or its tokenizer."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import grpc
from askwell.v1 import generation_pb2 as pb

from askwell_client.call import Call, event_from_pb, request_id_of
from askwell_client.errors import NOT_UNICODE, InvalidRequestError
from askwell_client.failure import error_from_status
from askwell_client.generation import (
    BatchItem,
    ChatMessage,
    Delta,
    Generation,
    Prompt,
    Sample,
    Started,
    StreamEvent,
    Tokens,
)
from askwell_client.mirror import Mirror
from askwell_client.option import (
    GenerateOptions,
    OutputOptions,
    SamplingOptions,
    StoppingOptions,
    options_to_pb,
    refuse_unknown,
)

_SERVICE = "/askwell.v1.GenerationService/"
_EVENTS: dict[str, type[Mirror]] = {"started": Started, "delta": Delta, "finished": Sample}


def generate(prompt: Prompt, options: Mapping[str, Any]) -> Call[Generation]:
    request = _request(prompt, options, request_id_of(options))
    return Call(
        _SERVICE + "Generate",
        request,
        pb.GenerateResponse,
        Generation.from_pb,
        options.get("timeout_s"),
        request.request_id,
    )


def stream(prompt: Prompt, options: Mapping[str, Any]) -> Call[StreamEvent]:
    request = _request(prompt, options, request_id_of(options))
    return Call(
        _SERVICE + "GenerateStream",
        request,
        pb.GenerateStreamResponse,
        lambda message: event_from_pb(message, _EVENTS),
        options.get("timeout_s"),
        request.request_id,
    )


def generate_batch(prompts: Iterable[Prompt], options: Mapping[str, Any]) -> Call[BatchItem]:
    batch_id = request_id_of(options)
    requests = [_request(prompt, options, f"{batch_id}-{index}") for index, prompt in enumerate(prompts)]

    def item_from_pb(message: pb.GenerateBatchResponse) -> BatchItem:
        if message.HasField("response"):
            return BatchItem(message.index, Generation.from_pb(message.response), None)
        codes = {code.value[0]: code for code in grpc.StatusCode}
        code = codes.get(message.error.code, grpc.StatusCode.UNKNOWN)
        error = error_from_status(code, message.error.message, f"{batch_id}-{message.index}")
        return BatchItem(message.index, None, error)

    return Call(
        _SERVICE + "GenerateBatch",
        pb.GenerateBatchRequest(requests=requests),
        pb.GenerateBatchResponse,
        item_from_pb,
        options.get("timeout_s"),
        batch_id,
    )


def tokenize(text: str, model: str, timeout_s: float | None) -> Call[Tokens]:
    request = pb.TokenizeRequest(text=text, model=model)
    return Call(_SERVICE + "Tokenize", request, pb.TokenizeResponse, Tokens.from_pb, timeout_s)


def _request(prompt: Prompt, options: Mapping[str, Any], request_id: str) -> pb.GenerateRequest:
    refuse_unknown(options, GenerateOptions)
    request = pb.GenerateRequest(request_id=request_id, model=options.get("model", ""))
    _set_prompt(request, prompt)
    options_to_pb(request, options, ["num_return", "priority", "tenant", "reproducible"])
    options_to_pb(request.sampling, options, SamplingOptions.__annotations__, "sampling.")
    options_to_pb(request.stopping, options, StoppingOptions.__annotations__, "stopping.")
    options_to_pb(request.output, options, OutputOptions.__annotations__, "output.")
    return request


def _set_prompt(request: pb.GenerateRequest, prompt: Prompt) -> None:
    try:
        if isinstance(prompt, str):
            request.text = prompt
        elif prompt and isinstance(prompt[0], ChatMessage):
            chat = cast(Sequence[ChatMessage], prompt)
            request.chat.messages.extend(
                pb.ChatMessage(role=each.role, content=each.content) for each in chat
            )
        else:
            request.tokens.ids.extend(cast(Sequence[int], prompt))
    except UnicodeEncodeError:
        raise InvalidRequestError.of("input", NOT_UNICODE) from None
    except ValueError as error:
        raise InvalidRequestError.of("tokens.ids", str(error)) from None
