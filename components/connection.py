"""What one component hands to another: a Secret to read from, not a password to pass on."""

from dataclasses import dataclass

import pulumi
from pulumi import Output
from pulumi_kubernetes.core.v1 import EnvVarArgsDict


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
