"""The Kubernetes provider of the caller: its options, as the engine has them, and those that the stack depends on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import grpc.aio
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import resource_pb2, resource_pb2_grpc

from components.blocks.finding import Finding

from .values import Value, decode

_GET_RESOURCE = "pulumi:pulumi:getResource"
"""Function of the engine with which SDKs read a resource that has been registered."""

_NOT_SET = "not set"


@dataclass(frozen=True, kw_only=True)
class _Switch:
    """An option that has to be on."""

    option: str
    variable: str
    """Environment variable that the provider reads if the option is not set."""

    default: bool
    reason: str


_SWITCHES = (
    _Switch(
        option="enableSecretMutable",
        variable="PULUMI_K8S_ENABLE_SECRET_MUTABLE",
        default=False,
        reason="off, so a changed Secret would be replaced, and with it every workload that uses it",
    ),
    _Switch(
        option="enableConfigMapMutable",
        variable="PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE",
        default=False,
        reason="off, so a changed ConfigMap would be replaced, and with it every workload that uses it",
    ),
    _Switch(
        option="enableServerSideApply",
        variable="PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY",
        default=True,
        reason="off, so the provider would copy the contents of Secrets into an annotation",
    ),
)


async def read_options(monitor: str, reference: str) -> Mapping[str, Value]:
    """The options of a provider.

    Args:
        monitor: address of the resource monitor.
        reference: the provider as a request of the engine names it: ``<URN>::<id>``.
    """
    arguments = Struct()
    arguments.update({"urn": reference.rpartition("::")[0]})
    async with grpc.aio.insecure_channel(monitor, options=_GRPC_CHANNEL_OPTIONS) as channel:
        request = resource_pb2.ResourceInvokeRequest(tok=_GET_RESOURCE, args=arguments)
        response = await resource_pb2_grpc.ResourceMonitorStub(channel).Invoke(request)
    state = decode(getattr(response, "return"))["state"].content
    return state if isinstance(state, Mapping) else {}


def report(component: str, options: Mapping[str, Value], environment: Mapping[str, str]) -> str:
    """The report on the options of the provider of a component; empty if they are right.

    Args:
        component: its name.
        options: as below.
        environment: as below.
    """
    problems = list(findings(options, environment))
    if not problems:
        return ""
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    body = "\n\n".join(map(str, problems))
    return (
        f"The Kubernetes provider of {component} has {count}; nothing was changed.\n\n{body}\n\n"
        "Its options: docs/component-package.md"
    )


def findings(options: Mapping[str, Value], environment: Mapping[str, str]) -> Iterator[Finding]:
    """The problems of the options. Those that are not known before the update count as right.

    Args:
        options: of the provider.
        environment: of the provider's process.
    """
    for switch in _SWITCHES:
        value = options.get(switch.option, Value(content=None))
        if not value.is_unknown and not _is_on(switch, value, environment):
            shown = _NOT_SET if value.content is None else "false"
            yield _finding(switch.option, shown, switch.reason, "true")
    if _is_empty(options, "clusterIdentifier"):
        yield _finding(
            "clusterIdentifier",
            _NOT_SET,
            "missing, so a renamed context or a moved API server could replace every object, and volumes with them",
            "a name that stays the same; adding it replaces nothing",
        )
    if not _is_empty(options, "renderYamlToDirectory") and not options["renderYamlToDirectory"].is_unknown:
        yield _finding(
            "renderYamlToDirectory",
            "set",
            "set, so Secrets would be in files in plain text, and no migration would run before the web pods",
            _NOT_SET,
        )


def _is_on(switch: _Switch, value: Value, environment: Mapping[str, str]) -> bool:
    # SDKs send options of providers as JSON in a string, YAML programs send booleans.
    text = value.content if value.content is not None else environment.get(switch.variable)
    return switch.default if text is None else text in (True, "true")


def _is_empty(options: Mapping[str, Value], option: str) -> bool:
    value = options.get(option)
    return value is None or value.content in (None, "")


def _finding(option: str, value: str, message: str, allowed: str) -> Finding:
    return Finding(key=option, value=value, message=message, allowed=allowed, commands=())
