"""Calls that ask about the server itself."""

from askwell.v1 import generation_pb2 as pb
from google.protobuf.wrappers_pb2 import Int32Value, StringValue

from askwell_client.call import Call
from askwell_client.model import Health, Load, ModelInfo

_SERVICE = "/askwell.v1.GenerationService/"
_HEALTH = (Health.UNKNOWN, Health.SERVING, Health.NOT_SERVING, Health.SERVICE_UNKNOWN)


def model(name: str, timeout_s: float | None) -> Call[ModelInfo]:
    request = pb.GetModelRequest(model=name)
    return Call(_SERVICE + "GetModel", request, pb.GetModelResponse, ModelInfo.from_pb, timeout_s)


def load(timeout_s: float | None) -> Call[Load]:
    return Call(_SERVICE + "GetLoad", pb.GetLoadRequest(), pb.GetLoadResponse, Load.from_pb, timeout_s)


def health(timeout_s: float | None) -> Call[Health]:
    """``grpc.health.v1.Health/Check`` of the whole server.

    Both of its messages hold one field numbered 1, a string and an enum, and so read on the wire as
    protobuf's own wrappers: the client needs no copy of health.proto, nor grpcio-health-checking.
    """
    return Call("/grpc.health.v1.Health/Check", StringValue(), Int32Value, _health_from_number, timeout_s)


def _health_from_number(reply: Int32Value) -> Health:
    return _HEALTH[reply.value] if 0 <= reply.value < len(_HEALTH) else Health.UNKNOWN
