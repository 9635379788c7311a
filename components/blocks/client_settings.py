"""Pods that may connect to a server of the stack beside the stack's own."""

from collections.abc import Iterator, Sequence

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


def client_problems(clients: Sequence[ClientSettings]) -> Iterator[Problem]:
    """Clients that would be every pod of the stack.

    Args:
        clients: in the settings of a component, as `clients`.
    """
    for number, client in enumerate(clients):
        if not client.namespace and not client.pod_labels:
            yield Problem(
                keys=("clients",),
                message=f"clients[{number}] has neither namespace nor podLabels: it would be every pod of the stack",
                allowed="podLabels of pods in the stack's namespace, or namespace",
                fix=Fix.REMOVE,
            )
