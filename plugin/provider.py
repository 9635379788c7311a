"""The provider of the component package: a gRPC server that the engine starts (PulumiPlugin.yaml)."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Mapping
from typing import Any

import grpc.aio
import pulumi
from google.protobuf.struct_pb2 import Struct
from pulumi import ResourceOptions
from pulumi.provider import ConstructResult, Provider
from pulumi.provider.server import ProviderServicer
from pulumi.runtime import proto
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import provider_pb2_grpc

from . import beside, caller_provider
from .arguments import Argument, ArgumentsError, read
from .beside import Placed
from .component import PackageComponent
from .parts import COMPONENTS
from .schema import package_version, schema_text
from .values import decode


class PackageProvider(Provider):
    """Constructs the components of the package."""

    def __init__(self) -> None:
        super().__init__(package_version(), schema_text())
        self._constructed: dict[str, list[Placed]] = {}

    def construct(
        self, name: str, resource_type: str, inputs: Mapping[str, Any], options: ResourceOptions | None = None
    ) -> ConstructResult:
        component = COMPONENTS.get(resource_type)
        if component is None:
            raise ArgumentsError(f"{resource_type} is not a component of this package; it has {', '.join(COMPONENTS)}")
        settings, secret_inputs = read(name, inputs, component)
        if "kubernetes" not in _providers(options):
            raise ArgumentsError(
                f"{name} has no Kubernetes provider: the stack never uses the current context of a kubeconfig.\n"
                "Pass one in the option providers. Its options: docs/component-package.md"
            )
        created = PackageComponent(component, name, settings, secret_inputs, options)
        return ConstructResult(created.urn, created.outputs)

    def require_compatible(self, monitor: str, new: Placed) -> None:
        """Check that a component registers nothing that another one of the update has registered.

        Args:
            monitor: address that another preview or update does not have.
            new: the component.

        Raises:
            ArgumentsError: it would.
        """
        others = self._constructed.setdefault(monitor, [])
        if reason := beside.refusal(new, others):
            raise ArgumentsError(reason)
        others.append(new)


class _Servicer(ProviderServicer):
    """The SDK's server (3.272), with the values beside the inputs, and errors that are not stack traces."""

    def __init__(self, package: PackageProvider, engine: str) -> None:
        super().__init__(package, [], engine_address=engine)
        self._package = package

    async def Construct(self, request: proto.ConstructRequest, context: Any) -> proto.ConstructResponse:  # noqa: N802
        try:
            new = beside.placed(request.type, request.name, decode(request.inputs))
            self._package.require_compatible(request.monitorEndpoint, new)
            await self._check_provider(request)
            return await self._construct(request, context)
        except (ArgumentsError, pulumi.RunError) as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
            raise

    @staticmethod
    async def _check_provider(request: proto.ConstructRequest) -> None:
        # Without one, `construct` refuses the component, after the arguments.
        if reference := request.providers.get("kubernetes"):
            options = await caller_provider.read_options(request.monitorEndpoint, reference)
            # The engine starts all providers with its own environment.
            if report := caller_provider.report(request.name, options, os.environ):
                raise ArgumentsError(report)

    @staticmethod
    async def _construct_inputs(inputs: Struct, input_dependencies: Any) -> dict[str, Any]:
        outputs = await ProviderServicer._construct_inputs(inputs, input_dependencies)
        return {name: Argument(value=value, output=outputs.get(name)) for name, value in decode(inputs).items()}


def _providers(options: ResourceOptions | None) -> Mapping[str, Any]:
    providers = options.providers if options else None
    return providers if isinstance(providers, Mapping) else {}


async def _serve(engine: str) -> None:
    server = grpc.aio.server(options=_GRPC_CHANNEL_OPTIONS)
    servicer = _Servicer(PackageProvider(), engine)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await server.wait_for_termination()


def main(arguments: list[str]) -> None:
    """Serve until the engine ends the process. The first argument that is not an option is the engine's address."""
    addresses = [argument for argument in arguments if not argument.startswith("-")]
    if not addresses:
        sys.exit("usage: python plugin <engine address>: the Pulumi engine starts this program")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(addresses[0]))
