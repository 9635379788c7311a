"""The gRPC server of a Pulumi provider plugin.

`pulumi.provider.experimental` has such a server, but (SDK 3.272) it cannot say "created, but failed to initialize", its
DiffConfig raises AttributeError on any detailed diff, and it puts a Python stack trace with paths of the machine into
every error. Hence the service itself, on the protocol buffers that the SDK ships.
"""

import os
import re
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from threading import Event
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import (
    ResourceProviderServicer,
    engine_pb2,
    engine_pb2_grpc,
    plugin_pb2,
    provider_pb2,
    provider_pb2_grpc,
    status_pb2,
)

# Each resource that awaits holds a thread; the engine's own default is 16 operations at a time.
THREADS = 64


class ProviderError(Exception):
    """A failure told to the user word for word, without a stack trace."""


class InitializationError(ProviderError):
    """The resource exists and is to be recorded, but it is not ready; the next update tries again."""

    def __init__(self, identifier: str, state: Struct, reasons: list[str], inputs: Struct | None = None) -> None:
        super().__init__(reasons[0])
        self.detail = provider_pb2.ErrorResourceInitFailed(
            id=identifier, properties=state, reasons=reasons, inputs=inputs
        )


class Engine:
    """The engine, as far as a provider talks to it: messages beside a resource."""

    def __init__(self, address: str | None) -> None:
        """`address` is `host:port`; without one (tests) messages are dropped."""
        self._stub = (
            engine_pb2_grpc.EngineStub(grpc.insecure_channel(address, options=_GRPC_CHANNEL_OPTIONS))
            if address
            else None
        )

    def status(self, urn: str, message: str) -> None:
        """Progress in the resource's row; the next message replaces it, an empty one clears it."""
        self._log(urn, message, warning=False, ephemeral=True)

    def warn(self, urn: str, message: str) -> None:
        self._log(urn, message, warning=True, ephemeral=False)

    def _log(self, urn: str, message: str, warning: bool, ephemeral: bool) -> None:
        if self._stub is not None:
            severity = engine_pb2.WARNING if warning else engine_pb2.INFO
            self._stub.Log(engine_pb2.LogRequest(severity=severity, message=message, urn=urn, ephemeral=ephemeral))


class Provider:
    """The answers that all provider emulators have in common.

    A subclass has one method for each RPC it serves, named in snake case. A request that is not served fails and names
    what is missing. An RPC without a method is answered UNIMPLEMENTED, which the engine accepts for RPCs that the
    protocol calls optional.
    """

    name: str

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.cancelled = Event()

    @property
    def version(self) -> str:
        # The SDK package asks for a plugin of its own version or newer.
        return f"{metadata.version(f'pulumi-{self.name}')}+emulator"

    def get_plugin_info(self, _: Empty) -> Any:
        return plugin_pb2.PluginInfo(version=self.version)

    def cancel(self, _: Empty) -> Empty:
        self.cancelled.set()
        return Empty()

    def check_config(self, request: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def diff_config(self, _: Any) -> Any:
        return provider_pb2.DiffResponse()

    def configure(self, _: Any) -> Any:
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, supports_autonaming_configuration=True
        )

    def invoke(self, request: Any) -> Any:
        raise self.refusal("function", request.tok)

    def call(self, request: Any) -> Any:
        raise self.refusal("method", request.tok)

    def construct(self, request: Any) -> Any:
        raise self.refusal("component", request.type)

    def refusal(self, what: str, token: str) -> ProviderError:
        return ProviderError(
            f"the emulator of the {self.name} provider does not serve the {what} {token}; "
            f"the official one does: pulumi plugin install resource {self.name}"
        )


def _answer(method: Callable[[Any], Any] | None) -> Callable[[Any, grpc.ServicerContext], Any]:
    """The gRPC side of `method`: what it raises becomes a status."""

    def answer(request: Any, context: grpc.ServicerContext) -> Any:
        if method is None:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "not implemented")
            raise AssertionError("abort raises")
        try:
            return method(request)
        except InitializationError as error:
            status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error))
            status.details.add().Pack(error.detail)
            context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
            text = str(error)
        except ProviderError as error:
            text = str(error)
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
        context.abort(grpc.StatusCode.UNKNOWN, text)
        raise AssertionError("abort raises")

    return answer


def _servicer(provider: Provider) -> ResourceProviderServicer:
    servicer = ResourceProviderServicer()
    for rpc in provider_pb2.DESCRIPTOR.services_by_name["ResourceProvider"].methods:
        snake_case = re.sub(r"(?<!^)(?=[A-Z])", "_", rpc.name).lower()
        setattr(servicer, rpc.name, _answer(getattr(provider, snake_case, None)))
    return servicer


def serve(provider: Provider) -> None:
    """Serve `provider` on a port of the loopback interface and print the port, until the engine ends the process."""
    engine = os.getppid()
    # The engine's way to end a plugin that has nothing left to do; tidying up the interpreter first costs 0.1 s.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    server = grpc.server(ThreadPoolExecutor(max_workers=THREADS), options=_GRPC_CHANNEL_OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(_servicer(provider), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    # An engine that was killed cannot end its plugins. They end themselves, and with them the requests that wait.
    while server.wait_for_termination(timeout=0.25):
        if os.getppid() != engine:
            os._exit(1)
