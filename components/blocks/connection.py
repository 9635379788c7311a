"""The connection of one component to another. Pods read it from a Secret; components do not pass passwords."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
from pulumi import Output
from pulumi_kubernetes.core.v1 import EnvVarArgsDict
from pulumi_kubernetes.networking.v1 import NetworkPolicyEgressRuleArgsDict

from .authority import Authority
from .secret_reference import SecretReference


@dataclass(frozen=True, kw_only=True)
class ConnectionSecret:
    """A Secret with connection URLs, for pods in the same namespace."""

    name: str
    """Name of the Secret, fixed. Pods refer to it by `secretKeyRef`."""

    checksum: Output[str]
    """Changes with the contents. As an annotation it rolls the pods that read the Secret."""

    resource: pulumi.Resource
    """The Secret itself, to depend on."""

    def variable(self, name: str, key: str) -> EnvVarArgsDict:
        """An environment variable with the value of ``key``."""
        return {"name": name, "value_from": {"secret_key_ref": {"name": self.name, "key": key}}}


@dataclass(frozen=True, kw_only=True)
class Connection:
    """Where the pods read the URLs of a server."""

    secret: ConnectionSecret | None
    """Secret of the stack with the URLs. None: every URL is in an existing Secret."""

    references: Mapping[str, SecretReference] = field(default_factory=dict)
    """The URLs in existing Secrets, by the key that they would have in `secret`."""

    @property
    def owned(self) -> tuple[ConnectionSecret, ...]:
        """The Secrets of the stack that the pods read."""
        return (self.secret,) if self.secret else ()

    def variable(self, name: str, key: str) -> EnvVarArgsDict:
        """An environment variable with the URL of ``key``."""
        if reference := self.references.get(key):
            return reference.variable(name)
        if self.secret is None:
            raise KeyError(key)
        return self.secret.variable(name, key)


@dataclass(frozen=True, kw_only=True)
class TableOwner:
    """The role that owns the tables of a database, where clients serve with another one."""

    url_key: str
    """Key of its URL in the connection."""

    client_role: str
    """The role that clients have when they serve. Its rights come from the owner."""


@dataclass(frozen=True, kw_only=True)
class Backend:
    """A server that the web pods connect to: the stack's own or an external one, in any topology."""

    connection: Connection
    """Its URLs."""

    egress: list[NetworkPolicyEgressRuleArgsDict]
    """The connections that the pods need to it."""

    variables: Mapping[str, str] = field(default_factory=dict)
    """Further environment variables of its clients, without secrets."""

    defaults: Mapping[str, str] = field(default_factory=dict)
    """Variables whose value the user may override."""

    direct_url_key: str | None = None
    """Key of the URL that bypasses a pooler, for the role that serves. None: there is no such URL."""

    most_connections: int | None = None
    """Maximum number of connections that a pooler opens. None: as many as the clients."""

    owner: TableOwner | None = None
    """The role that migrates a database. None: the one that serves."""

    authority: Authority | None = None
    """The certificate authority of the server. None: clients use those of their image."""

    pooler_authority: Authority | None = None
    """The certificate authority of a pooler in front of the server, if it differs."""

    @property
    def authorities(self) -> list[Authority]:
        """All known authorities."""
        return [each for each in (self.authority, self.pooler_authority) if each]
