"""The connection of one component to another: pods read it from a Secret, and no component passes a password on."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
from pulumi import Output
from pulumi_kubernetes.core.v1 import EnvVarArgsDict
from pulumi_kubernetes.networking.v1 import NetworkPolicyEgressRuleArgsDict


@dataclass(frozen=True, kw_only=True)
class ConnectionSecret:
    """A Secret with connection URLs, for pods in the same namespace."""

    name: str
    """Name of the Secret, fixed. Pods refer to it by `secretKeyRef`."""

    checksum: Output[str]
    """Changes when the contents do: an annotation with it rolls the pods that read the Secret."""

    resource: pulumi.Resource
    """The Secret itself, to depend on."""

    def variable(self, name: str, key: str) -> EnvVarArgsDict:
        """An environment variable with the value of ``key``."""
        return {"name": name, "value_from": {"secret_key_ref": {"name": self.name, "key": key}}}


@dataclass(frozen=True, kw_only=True)
class Backend:
    """A server that the web pods connect to: the stack's own or an external one, in any topology."""

    connection: ConnectionSecret
    """Secret with its URLs."""

    egress: list[NetworkPolicyEgressRuleArgsDict]
    """The connections that the pods need to it."""

    variables: Mapping[str, str] = field(default_factory=dict)
    """Further environment variables of its clients, without secrets."""

    authority: str | None = None
    """Secret with the certificate authority of the server, key ``ca.crt``. None: no authority of the stack's own."""
