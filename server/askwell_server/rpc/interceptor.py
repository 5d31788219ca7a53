"""The boundary of every call: parses the request, gives it an id, and turns errors into statuses.

It wraps unary and streaming handlers alike. Nothing it logs holds a request's content: a bug is logged as
its type and where it happened, never with the exception's message.
"""

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc
from google.protobuf.message import DecodeError

from ..errors import AskwellError, InvalidRequest, ServerFault, Violation
from .gate import Gate
from .request_id import is_request_id, new_request_id
from .status import status_from_error

log = logging.getLogger(__name__)

if TYPE_CHECKING:  # generic in the stubs only
    Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]
    Handler: TypeAlias = grpc.RpcMethodHandler[Any, Any]

OURS = "/askwell."
# A client gives up at its deadline by cancelling, and gRPC tells the server a deadline rounded up by as much.
DEADLINE_SHARE, DEADLINE_SLACK_S = 0.01, 0.02
Record: TypeAlias = Callable[[str, str, float], None]
"""Told of every call that ended: its method ("Service/Method"), its status code's name, its seconds."""


class Boundary(grpc.aio.ServerInterceptor):
    """Wraps each handler of ours; health and reflection pass as they are."""

    def __init__(self, gate: Gate, record: Record) -> None:
        self._gate = gate
        self._record = record

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable["Handler | None"]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "Handler | None":
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or not method.startswith(OURS):
            return handler
        # The wrappers parse by themselves: a body that does not parse is the caller's error, not ours.
        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(
                self._streaming(handler, method), response_serializer=handler.response_serializer
            )
        return grpc.unary_unary_rpc_method_handler(
            self._unary(handler, method), response_serializer=handler.response_serializer
        )

    def _unary(self, handler: Any, method: str) -> Any:
        async def call(raw: bytes, context: "Context") -> Any:
            async with self._outcome(method, context) as admitted:
                return await handler.unary_unary(admitted(raw, handler.request_deserializer), context)

        return call

    def _streaming(self, handler: Any, method: str) -> Any:
        # Writes instead of yielding, so that a cancelled call ends its rows at once and not when the
        # generator is collected.
        async def call(raw: bytes, context: "Context") -> None:
            async with self._outcome(method, context) as admitted:
                request = admitted(raw, handler.request_deserializer)
                async with aclosing(handler.unary_stream(request, context)) as responses:
                    async for response in responses:
                        await context.write(response)

        return call

    @asynccontextmanager
    async def _outcome(
        self, method: str, context: "Context"
    ) -> AsyncIterator[Callable[[bytes, Callable[[bytes], Any]], Any]]:
        """Run one call inside the gate and turn whatever it raises into a status."""
        started, allowed_s = monotonic(), context.time_remaining()
        request_id = new_request_id()
        code = "OK"

        def admitted(raw: bytes, parse: Callable[[bytes], Any]) -> Any:
            nonlocal request_id
            request = _parsed(raw, parse)
            request_id = _identified(request, request_id)
            return request

        try:
            with self._gate.passing():
                yield admitted
        except asyncio.CancelledError:
            # Only a cancelled task may say so: re-raised for any other reason, the client would wait
            # for a status that never comes.
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                code = "DEADLINE_EXCEEDED" if _is_late(context, allowed_s) else "CANCELLED"
                raise
            code = "INTERNAL"
            await _abort(context, _fault(method, request_id, None), request_id)
        except AskwellError as error:
            code = error.code
            if isinstance(error, ServerFault):
                error = ServerFault(f"{error.message}; request id {request_id}")
            await _abort(context, error, request_id)
        except Exception as error:
            code = "INTERNAL"
            await _abort(context, _fault(method, request_id, error), request_id)
        finally:
            seconds = monotonic() - started
            self._record(method.rpartition(".")[2], code, seconds)
            log.info("%s %s %s %.3f s", method, request_id, code, seconds)


def _is_late(context: "Context", allowed_s: float | None) -> bool:
    """Whether a call that was given ``allowed_s`` seconds at its start has none left."""
    remaining_s = context.time_remaining()
    if allowed_s is None or remaining_s is None:
        return False
    return remaining_s <= DEADLINE_SHARE * allowed_s + DEADLINE_SLACK_S


def _parsed(raw: bytes, parse: Callable[[bytes], Any]) -> Any:
    try:
        return parse(raw)
    except (DecodeError, UnicodeDecodeError):
        raise InvalidRequest([Violation("request", "is not a valid message; text must be UTF-8")]) from None


def _identified(request: Any, made: str) -> str:
    """Fill an empty request_id. One that breaks the rules stays for the validator and is never logged."""
    if "request_id" not in request.DESCRIPTOR.fields_by_name:
        return made
    if not request.request_id:
        request.request_id = made
    return request.request_id if is_request_id(request.request_id) else made


def _fault(method: str, request_id: str, error: Exception | None) -> ServerFault:
    kind = "cancelled from inside" if error is None else type(error).__name__
    where = "" if error is None else "".join(traceback.format_tb(error.__traceback__)).rstrip()
    log.error("internal error in %s, request %s: %s\n%s", method, request_id, kind, where)
    return ServerFault(f"internal error; request id {request_id}")


async def _abort(context: "Context", error: AskwellError, request_id: str) -> None:
    status = status_from_error(error, request_id)
    await context.abort(status.code, status.message, status.metadata)
