"""Pods that may connect to a server of the stack beside the stack's own."""

from collections.abc import Iterator

from pydantic import Field

from .base_settings import Fix, Problem, Settings
from .metadata_names import LabelValue, MetadataName
from .names import ExistingNamespace


class ClientSettings(Settings):
    """An element of `redis.clients` and `postgresql.clients`."""

    namespace: ExistingNamespace | None = Field(
        None, description="Namespace of the pods. Default: the stack's namespace."
    )
    pod_labels: dict[MetadataName, LabelValue] = Field(
        {},
        description="Labels of the pods. Default: every pod of `namespace`; required in the stack's namespace.",
    )

    def problems(self) -> Iterator[Problem]:
        if not self.namespace and not self.pod_labels:
            yield Problem(
                keys=("namespace", "podLabels"),
                message="neither namespace nor podLabels: the client would be every pod of the stack",
                allowed="a namespace, or podLabels of pods in the stack's namespace",
                fix="analytics",
            )


def external_clients(server: str, key: str, topology: str) -> Problem:
    """The problem of clients of a server that the stack does not run.

    Args:
        server: its name.
        key: the key of the topology.
        topology: its value.
    """
    return Problem(
        keys=("clients", key),
        message=f"clients with {key} {topology}: the stack does not decide who connects to an external {server}",
        allowed=f"no clients, or another {key}",
        fix=Fix.REMOVE,
    )
