"""Askwell's public API: protobuf messages and gRPC stubs, generated from the .proto files beside them."""
