"""The gRPC server with everything on it, not yet started: services, boundary, health, reflection."""

import grpc
from askwell.v1 import generation_pb2, generation_pb2_grpc, interview_pb2, interview_pb2_grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc  # type: ignore[import-untyped]
from grpc_reflection.v1alpha import reflection  # type: ignore[import-untyped]

from ..domain.pool import DomainPool
from .gate import Gate
from .generation import GenerationService
from .interceptor import Boundary, Record
from .interview import InterviewService
from .served import Serving

SERVICES = (
    generation_pb2.DESCRIPTOR.services_by_name["GenerationService"].full_name,
    interview_pb2.DESCRIPTOR.services_by_name["InterviewService"].full_name,
)
# Two documents of 4 MiB fit with room to spare, so that a larger one is refused by name and not by gRPC.
MESSAGE_LIMIT_BYTES = 16 * 1024 * 1024

OPTIONS = (
    # Without this a second server on the same port would silently share it.
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", MESSAGE_LIMIT_BYTES),
    ("grpc.max_send_message_length", MESSAGE_LIMIT_BYTES),
    # Clients may ping every 10 s, also while idle; the default answers the third ping with GOAWAY.
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    # A peer that vanished without a word is noticed, and its rows end.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
)


class Health:
    """grpc.health.v1 for the whole server and for each service; NOT_SERVING until told otherwise."""

    def __init__(self) -> None:
        self.servicer = health.aio.HealthServicer()

    async def set(self, serving: bool) -> None:
        status = health_pb2.HealthCheckResponse
        for service in ("", *SERVICES):
            await self.servicer.set(service, status.SERVING if serving else status.NOT_SERVING)

    async def close(self) -> None:
        """NOT_SERVING from now on."""
        await self.servicer.enter_graceful_shutdown()


def assembled(
    serving: Serving, pool: DomainPool, gate: Gate, state: Health, record: Record
) -> grpc.aio.Server:
    server = grpc.aio.server(interceptors=[Boundary(gate, record)], options=OPTIONS)
    generation_pb2_grpc.add_GenerationServiceServicer_to_server(GenerationService(serving), server)
    interview_pb2_grpc.add_InterviewServiceServicer_to_server(InterviewService(serving, pool), server)
    health_pb2_grpc.add_HealthServicer_to_server(state.servicer, server)
    names = (*SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME)
    reflection.enable_server_reflection(names, server)
    return server
