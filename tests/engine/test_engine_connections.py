"""Programs that run one after the other in this process: each one reaches its own engine."""

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import cast

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto.engine_pb2 import LogRequest
from pulumi.runtime.proto.engine_pb2_grpc import EngineServicer, EngineStub, add_EngineServicer_to_server
from pulumi.runtime.settings import Settings


class Engine(EngineServicer):
    """Takes messages, and nothing else."""

    def Log(self, request: LogRequest, context: grpc.ServicerContext) -> Empty:  # noqa: ARG002, N802
        return Empty()


def serve(port: int) -> tuple[grpc.Server, int]:
    """An engine at ``port`` of loopback, 0 for a free one; with the port."""
    server = grpc.server(ThreadPoolExecutor(1))
    add_EngineServicer_to_server(Engine(), server)
    taken = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    return server, taken


def connect(port: int) -> EngineStub:
    """The engine as a program gets it that is told this port."""

    def configured() -> EngineStub:
        return cast(EngineStub, Settings(project="project", stack="stack", engine=f"127.0.0.1:{port}").engine)

    return copy_context().run(configured)


def test_an_engine_at_the_port_of_one_that_has_gone_is_reached() -> None:
    server, port = serve(0)
    before = connect(port)
    before.Log(LogRequest())
    server.stop(0).wait()
    # As a program does whose engine has refused a resource and ended.
    with pytest.raises(grpc.RpcError, match="Connection refused"):
        before.Log(LogRequest())

    server, _ = serve(port)
    try:
        assert connect(port).Log(LogRequest()) == Empty()
    finally:
        server.stop(0).wait()
