"""PgBouncer in front of a server of the stack or an external one, and the resulting connection of the clients."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi import Output
from pulumi_kubernetes.networking.v1 import NetworkPolicyEgressRuleArgsDict

from ...blocks.authority import Authority
from ...blocks.children import Children
from ...blocks.connection import Backend
from ...blocks.connection_keys import DIRECT_URL
from ...blocks.network_policy import allow_to, pods
from ...blocks.server_certificate import certificate
from ...blocks.server_tls import host_names
from ...blocks.url_parameters import parameters_of, with_parameters
from ...blocks.watching import Watching
from ..names import CLIENT_USERS, PORT, SERVICE, client_user
from ..names import LABELS as SERVER_LABELS
from ..roles import Roles, client_passwords
from ..settings import PostgreSQLSettings
from ..topologies.authority import with_authority
from ..urls import role_url, with_time_limits
from .configuration import PoolerSizes, external_server_ini, own_server_ini
from .names import LABELS, POOLER
from .objects import CLIENT_DEFAULTS, PoolerArgs, create_pooler
from .sizes import client_limit, most_connections, pool_size

_ABOUT_THE_SERVER = ("sslmode", "sslrootcert")


@dataclass(frozen=True, kw_only=True)
class Front:
    """A server that gets a PgBouncer."""

    children: Children
    """Creates the objects of PostgreSQL."""

    namespace_name: str
    settings: PostgreSQLSettings
    clients: Sequence[dict[str, str]]
    """Labels of the pods that may connect, for each application."""

    scraped_from: str | None
    """Namespace of Prometheus. None: no exporter."""

    watching: Watching | None
    """How the Prometheus operator watches the component. None: it does not."""

    def own_server(self, logins: Roles) -> None:
        """Create PgBouncer for the server of the stack. Each client logs in there as itself.

        Args:
            logins: the roles of the server. Those of the web pods may log in to PgBouncer.
        """
        authority = self.settings.layout.authority
        verifiers = {role: verifier for role, verifier in logins.verifiers.items() if role in CLIENT_USERS}
        server = own_server_ini(SERVICE, authority.file if authority else None)
        create_pooler(
            self.children,
            self._args(
                Output.secret(server), verifiers, [allow_to([pods(SERVER_LABELS.selector)], PORT)], depends_on=[]
            ),
        )

    def external_server(
        self,
        url: Output[str],
        egress: Sequence[NetworkPolicyEgressRuleArgsDict],
        *,
        rotation: int,
        protect: bool,
        depends_on: Sequence[pulumi.Resource],
    ) -> Output[str]:
        """Create PgBouncer for an external server.

        Returns the URL of the web pods. Their login is valid only for PgBouncer, so a changed login of the server
        interrupts no client.

        Args:
            url: of the server.
            egress: rules that lead to it.
            rotation: number of the current password of the web pods, from 1.
            protect: whether Pulumi refuses to delete the passwords.
            depends_on: objects that exist before the pods.
        """
        tls, passwords = self.settings.tls, client_passwords(self.children, rotation=rotation, protect=protect)
        serving = certificate(
            self.children,
            tls,
            "postgresql-certificate",
            host_names=host_names([POOLER], self.namespace_name),
            usages=("server auth",),
        )
        server = url.apply(external_server_ini)
        create_pooler(self.children, self._args(server, passwords, egress, depends_on=[*depends_on, *serving]))
        user = client_user(rotation)
        authority = pooler_authority(self.settings)

        def as_client(urls: list[str]) -> str:
            pooled, direct = urls
            kept = {name: each for name, each in parameters_of(direct).items() if name not in _ABOUT_THE_SERVER}
            pooled = with_authority(pooled, authority) if authority else pooled
            return with_time_limits(with_parameters(pooled, kept))

        return Output.all(role_url(user, passwords[user], POOLER), url).apply(as_client)

    def _args(
        self,
        server: Output[str],
        users: dict[str, Output[str]],
        egress: Sequence[NetworkPolicyEgressRuleArgsDict],
        *,
        depends_on: Sequence[pulumi.Resource],
    ) -> PoolerArgs:
        authority = self.settings.layout.authority
        return PoolerArgs(
            settings=self.settings.pooler,
            sizes=pooler_sizes(self.settings),
            server=server,
            users=users,
            tls=self.settings.tls,
            authorities=[authority] if authority else [],
            clients=self.clients,
            egress=egress,
            namespace_name=self.namespace_name,
            scraped_from=self.scraped_from,
            watching=self.watching,
            depends_on=depends_on,
        )


def pooler_sizes(settings: PostgreSQLSettings) -> PoolerSizes:
    """What the configuration says about connections."""
    return PoolerSizes(mode=settings.pooler.mode, clients=client_limit(settings), pool=pool_size(settings))


def certified_hosts(settings: PostgreSQLSettings) -> list[str]:
    """Services of the certificate of a server of the stack, which PgBouncer serves as well."""
    return [SERVICE, *([POOLER] if settings.pooler.enabled else [])]


def pooler_authority(settings: PostgreSQLSettings) -> Authority | None:
    """The authority of PgBouncer's certificate, where it is not that of the server."""
    if not (settings.is_external and settings.pooler.enabled and settings.tls.enabled):
        return None
    return Authority(server="pooler", secret=settings.tls.secret)


def behind_pooler(backend: Backend, settings: PostgreSQLSettings) -> Backend:
    """The server as its clients see it, with PgBouncer if it is enabled.

    Args:
        backend: the server without it.
        settings: settings of PostgreSQL.
    """
    if not settings.pooler.enabled:
        return backend
    return dataclasses.replace(
        backend,
        # Migrations, the preflight and backups connect to the server itself.
        egress=[allow_to([pods(LABELS.selector)], PORT), *backend.egress],
        defaults=CLIENT_DEFAULTS,
        direct_url_key=None if backend.owner else DIRECT_URL,
        most_connections=most_connections(settings),
        pooler_authority=pooler_authority(settings),
    )
