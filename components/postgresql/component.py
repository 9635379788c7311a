"""PostgreSQL as one ComponentResource: the server, its volume, its passwords and the network policy rule for its
clients."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s
from pulumi import Input, Output
from pulumi_kubernetes.networking.v1 import NetworkPolicyEgressRuleArgsDict

from ..blocks import authority
from ..blocks.children import Children
from ..blocks.component import Component
from ..blocks.connection import Backend, Connection, ConnectionSecret, TableOwner
from ..blocks.connection_keys import CLIENT_URL, DIRECT_URL, OWNER_URL
from ..blocks.egress import egress_rules
from ..blocks.exporter import scrape_annotations
from ..blocks.generated_secrets import checksum
from ..blocks.network_policy import allow_from, allow_to, client_pods, namespace, pods
from ..blocks.outside_settings import without_outside
from ..blocks.remembered import remember
from ..blocks.secret_inputs import SecretInputs
from ..blocks.server_certificate import certificate
from ..blocks.server_tls import host_names
from ..blocks.watching import Watching
from . import upgrade
from .archive.container import with_archive
from .archive.objects import archive_objects
from .backup_access import BackupAccess, external_access, own_server_access
from .certificate_container import certificate_files
from .cloudnative_pg.objects import ClusterArgs, create_cluster
from .cloudnative_pg.objects import egress as cluster_egress
from .configuration import pg_hba_conf, postgresql_conf
from .monitoring.alerts import WatchedBackups
from .monitoring.exporter import EXPORTER_PORT, EXPORTER_USER, exporter_files
from .monitoring.watching import watch
from .names import (
    APP,
    BACKUP_PASSWORD,
    BACKUP_USER,
    CLIENT_ROLE,
    CONFIG_MAP,
    DATABASE,
    DATABASE_URL,
    LABELS,
    NETWORK_USERS,
    PASSWORD,
    PODS_SERVICE,
    PORT,
    ROLES_SECRET,
    SECRET,
    SERVICE,
    USER,
    VOLUME_CLAIM,
)
from .pod import pod
from .pooler.in_front import Front, behind_pooler, certified_hosts
from .pooler.names import LABELS as POOLER_LABELS
from .pooler.names import POOLER
from .roles import Roles, roles
from .scripts import PREPARE_SCRIPTS
from .settings import PostgreSQLSettings
from .stored_data import REMEMBERED, refused_image, stored_data
from .topologies.cloudnative_pg import CloudNativePG
from .topologies.external import URL, External
from .topologies.standalone import Standalone
from .urls import role_url, with_time_limits

_OWNER = TableOwner(url_key=OWNER_URL, client_role=CLIENT_ROLE)


@dataclass(frozen=True, kw_only=True)
class PostgreSQLArgs:
    """What PostgreSQL needs from outside."""

    namespace: Input[str]
    """Existing namespace. The names of its objects are fixed (`names`)."""

    namespace_name: str
    """The name of the namespace as a plain value, for rules that the program computes before any object exists."""

    settings: PostgreSQLSettings
    """Validated settings, plain values."""

    secret_inputs: SecretInputs
    """Secrets that are set; ``databaseUrl`` is that of an external PostgreSQL."""

    rotation: int
    """Number of the current password, from 1."""

    clients: Sequence[dict[str, str]]
    """Labels of the pods that may connect, for each application. No others can, apart from the clients of the
    settings."""

    protect: bool
    """Whether Pulumi refuses to delete the volume and the password."""

    scraped_from: str | None = None
    """Namespace of Prometheus. None: no metrics, and no ingress rule for them."""

    watching: Watching | None = None
    """How the Prometheus operator watches the component. None: it does not."""

    backups: WatchedBackups | None = None
    """What the alerts expect of the backups. None: there are no backups."""

    connection_secret: str = SECRET
    """Name of the Secret with the URL of an external PostgreSQL."""

    qualified: bool = False
    """Whether `database_url` has the name of the Service with its namespace, for clients in any namespace."""


class PostgreSQL(Component[PostgreSQLArgs]):
    """One PostgreSQL. Everything that must survive is in it."""

    TYPE = "open-webui-stack:postgresql:PostgreSQL"
    LABELS = LABELS
    OUTPUTS = ("database_url",)

    database_url: Output[str] | None
    """``postgresql://…`` of the database's owner. Secret: it contains the password. None: it is in an existing
    Secret."""

    secret: ConnectionSecret | None
    """The Secret ``postgresql-secret``. None: the URL is in a Secret that the stack does not own."""

    backend: Backend
    """For the clients: the Secret with ``client-url``, which has their time limits, and network policy rules."""

    backup_access: BackupAccess
    """How the backups log in."""

    def create(self) -> None:
        layout, children = self.args.settings.layout, self.children(self.args.namespace)
        # Of all containers only that of the archive connects outside: it gets the proxy and the authorities itself.
        children = dataclasses.replace(children, pods=without_outside(children.pods))
        if isinstance(layout, External):
            self._connect(children, layout)
        elif isinstance(layout, CloudNativePG):
            self._delegate(children, layout)
        else:
            self._deploy(children, layout)

    def _connect(self, children: Children, layout: External) -> None:
        inputs, pem = self.args.secret_inputs, self.args.settings.external.certificate_authority
        trusted: list[pulumi.Resource] = []
        if layout.authority and pem:
            trusted = [children.secret(layout.authority.secret, {authority.KEY: Output.secret(pem)}).resource]
        value = inputs.values.get(URL)
        self.database_url = self.secret = None
        self.backup_access = external_access(
            inputs.references[URL] if value is None else None,
            DIRECT_URL if self.args.settings.pooler.enabled else CLIENT_URL,
            secret=self.args.connection_secret,
        )
        egress = egress_rules(layout.destinations, self.args.namespace_name)
        if value is not None:
            url = Output.secret(value).apply(layout.url)
            self.database_url, limited = url, url.apply(with_time_limits)
            own: dict[str, Input[str]] = {DATABASE_URL: url, CLIENT_URL: limited}
            if self.args.settings.pooler.enabled:
                pooled = self._front(children).external_server(
                    url, egress, rotation=self.args.rotation, protect=self.args.protect, depends_on=trusted
                )
                own |= {DIRECT_URL: limited, CLIENT_URL: pooled}
            self.secret = children.secret(self.args.connection_secret, own)
        backend = Backend(
            connection=Connection(
                secret=self.secret, references={} if self.secret else {CLIENT_URL: inputs.references[URL]}
            ),
            egress=egress,
            variables=layout.client_variables(by_reference=value is None),
            authority=layout.authority,
        )
        self.backend = behind_pooler(backend, self.args.settings)

    def _delegate(self, children: Children, layout: CloudNativePG) -> None:
        args = self.args
        logins = roles(children, rotation=args.rotation, protect=args.protect)
        own = self._connection_secret(children, logins, layout)
        # The record of the backups is in a schema that the operator does not create: the owner writes it.
        self.backup_access = own_server_access(backup_role=False)
        backend = Backend(
            connection=Connection(secret=own), egress=cluster_egress(), authority=layout.authority, owner=_OWNER
        )
        # One rule leads to all pods of the operator.
        self.backend = dataclasses.replace(behind_pooler(backend, args.settings), egress=cluster_egress())
        create_cluster(
            children,
            ClusterArgs(
                settings=args.settings,
                layout=layout,
                namespace_name=args.namespace_name,
                secret_inputs=args.secret_inputs,
                logins=logins,
                clients=args.clients,
                protect=args.protect,
                scraped_from=args.scraped_from,
                watching=args.watching,
                backups=args.backups,
            ),
        )

    def _deploy(self, children: Children, layout: Standalone) -> None:
        args = self.args
        logins = roles(children, rotation=args.rotation, protect=args.protect)
        own = self._connection_secret(children, logins, layout)
        self.backup_access = own_server_access(backup_role=True)
        backend = Backend(
            connection=Connection(secret=own),
            egress=[allow_to([pods(LABELS.selector)], PORT)],
            authority=layout.authority,
            owner=_OWNER,
        )
        self.backend = behind_pooler(backend, args.settings)
        # Not a claim template: a larger size would replace the StatefulSet and still not grow the volume
        # (docs/decisions/0003-database-volume.md).
        volume = children.volume_claim(
            VOLUME_CLAIM,
            size=args.settings.storage.size,
            class_name=args.settings.storage.class_name,
            protect=args.protect,
        )
        self._stateful_set(children, logins, volume)
        children.service(SERVICE, port_name="postgresql", port=PORT, single_server=True)
        children.service(PODS_SERVICE, port_name="postgresql", port=PORT, headless=True)
        if args.watching:
            watch(
                children,
                args.watching,
                args.namespace_name,
                volume_size=args.settings.storage.size,
                backups=args.backups,
                oldest_base_backup=args.settings.archive.oldest_base_backup,
            )
        children.disruption_budget(APP)
        if args.settings.pooler.enabled:
            self._front(children).own_server(logins)

    def _front(self, children: Children) -> Front:
        args = self.args
        return Front(
            children=children,
            namespace_name=args.namespace_name,
            settings=args.settings,
            clients=args.clients,
            scraped_from=args.scraped_from,
            watching=args.watching,
        )

    def _connection_secret(
        self, children: Children, logins: Roles, layout: Standalone | CloudNativePG
    ) -> ConnectionSecret:
        """The Secret ``postgresql-secret``, which the output ``database_url`` follows.

        Args:
            children: creates it.
            logins: the roles with their passwords.
            layout: of the server.
        """

        def url(user: str, host: str = SERVICE) -> Output[str]:
            return role_url(user, logins.passwords[user], host).apply(layout.url)

        server = f"{SERVICE}.{self.args.namespace_name}.svc" if self.args.qualified else SERVICE
        self.database_url = url(USER, server)
        # Only the web pods: an advisory lock of a migration is of a session, and a dump has one transaction for hours.
        pooled = self.args.settings.pooler.enabled
        direct = url(logins.client_user).apply(with_time_limits)
        self.secret = children.secret(
            SECRET,
            {
                DATABASE_URL: self.database_url,
                OWNER_URL: self.database_url.apply(with_time_limits),
                CLIENT_URL: url(logins.client_user, POOLER).apply(with_time_limits) if pooled else direct,
                **({DIRECT_URL: direct} if pooled else {}),
                PASSWORD: logins.passwords[USER],
                BACKUP_PASSWORD: logins.passwords[BACKUP_USER],
            },
        )
        return self.secret

    def _stateful_set(self, children: Children, logins: Roles, volume: pulumi.Resource) -> None:
        settings, monitored = self.args.settings, self.args.scraped_from is not None
        configuration = {
            "postgresql.conf": postgresql_conf(settings),
            "pg_hba.conf": pg_hba_conf(
                DATABASE, NETWORK_USERS, tls=settings.tls.enabled, exporter=EXPORTER_USER if monitored else None
            ),
            **PREPARE_SCRIPTS,
            **certificate_files(settings),
            **(exporter_files() if monitored else {}),
        }
        archive = archive_objects(children, settings, self.args.secret_inputs, self.args.namespace_name)
        depends_on = [
            *archive.resources,
            children.secret(ROLES_SECRET, logins.verifiers).resource,
            volume,
            children.config_map(CONFIG_MAP, configuration),
            children.service_account(APP, settings.service_account.annotations or None),
            self._network_policy(children, archive.egress),
            *certificate(
                children,
                settings.tls,
                "postgresql-certificate",
                host_names=host_names(certified_hosts(settings), self.args.namespace_name),
                usages=("server auth",),
            ),
            remember(REMEMBERED, stored_data(settings), refused_image, children.options()),
        ]
        # No checksum of the Secret: the running server loads changed passwords (roles.sh).
        annotations: dict[str, Input[str]] = {
            "checksum/config": checksum(configuration),
            **(scrape_annotations(EXPORTER_PORT) if monitored else {}),
            **archive.annotations,
        }
        spec = pod(settings, monitored=monitored)
        if archive.bucket:
            spec = with_archive(spec, settings, archive.bucket)
        k8s.apps.v1.StatefulSet(
            APP,
            metadata=children.metadata(APP),
            spec={
                "replicas": 1,
                "service_name": PODS_SERVICE,
                "revision_history_limit": 2,
                "selector": {"match_labels": LABELS.selector},
                "template": children.pod_template(spec, annotations),
            },
            opts=children.options(depends_on=depends_on, custom_timeouts=upgrade.timeouts(settings)),
        )

    def _network_policy(
        self, children: Children, egress: Sequence[NetworkPolicyEgressRuleArgsDict]
    ) -> k8s.networking.v1.NetworkPolicy:
        pooler = [POOLER_LABELS.selector] if self.args.settings.pooler.enabled else []
        clients = [*map(pods, [*self.args.clients, *pooler]), *client_pods(self.args.settings.clients)]
        rules = [allow_from(clients, PORT)]
        if self.args.scraped_from:
            rules.append(allow_from([namespace(self.args.scraped_from)], EXPORTER_PORT))
        return children.network_policy(APP, ingress=rules, egress=[*egress])
