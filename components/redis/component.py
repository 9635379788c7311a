"""Redis as one ComponentResource: the server, its users, its Service and the only edges into it."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

import pulumi
import pulumi_kubernetes as k8s
from pulumi import Input, Output, ResourceOptions
from pulumi_kubernetes.core.v1 import PersistentVolumeClaimArgsDict, PodTemplateSpecArgsDict, ServicePortArgsDict
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict

from ..blocks.children import child_options, stateful
from ..blocks.connection import Backend, ConnectionSecret
from ..blocks.disruption_budget import disruption_budget
from ..blocks.generated_secrets import checksum
from ..blocks.names import hosts_in
from ..blocks.network_policy import allow_from, allow_to, namespace, network_policy, pods
from ..blocks.remembered import remember
from ..blocks.service import service
from ..blocks.service_account import service_account
from .monitoring.exporter import EXPORTER_PORT, scrape_annotations
from .monitoring.watching import watch
from .server.configuration import PORT
from .server.pod import CLAIM, CONFIG_MAP, LABELS, configuration, own_users, pod
from .server.stored_data import REMEMBERED, refused_server, stored_data
from .server.tls import certificate, host_names
from .server.users import users
from .settings import RedisSettings
from .topologies import cluster
from .topologies.clients import client_variables
from .topologies.external import external_egress, external_urls, with_authority
from .topologies.nodes import NODES_SERVICE, SENTINEL_SERVICE, SERVICE
from .topologies.sentinel import MASTER, SENTINEL_HOSTS, SENTINEL_PORT

APP_DATABASE = 0
WEBSOCKET_DATABASE = 1
# A cluster has one database only; the names of the keys differ.
CLUSTER_DATABASE = 0
# Who a node is: a few kilobytes. Most classes round up.
NODE_VOLUME = "64Mi"


@dataclass(frozen=True, kw_only=True)
class RedisArgs:
    """What Redis needs from outside."""

    namespace: Input[str]
    """Existing namespace. The objects' names there are fixed: ``redis``, ``redis-service``, ``redis-config``."""

    namespace_name: str
    """The same name as a plain value, for rules that are decided before anything exists."""

    settings: RedisSettings
    """Validated settings, plain values."""

    secret_inputs: Mapping[str, Input[str]]
    """Secret config keys that are set; ``redisCacheUrl`` and ``redisWebsocketUrl`` are those of an external Redis."""

    rotation: int
    """Number of the current password, from 1. The one before stays valid."""

    clients: dict[str, str]
    """Labels of the pods that may connect; no others can."""

    protect: bool
    """Whether the volume, when there is one, is refused deletion."""

    scraped_from: str | None = None
    """Namespace of Prometheus. None: no metrics and no way in for them."""

    watched_by_operator: bool = False
    """Whether the Prometheus operator is told to scrape and to alert."""


class Redis(pulumi.ComponentResource):
    """One Redis server. Losing it signs nobody out of Open WebUI; open websockets reconnect.

    What is lost with a server that has no durability are websocket rooms, running task states and the list of
    signed-out tokens.
    """

    cache_url: Output[str]
    """``redis://…/0``, application state. Secret: it holds the password."""

    websocket_url: Output[str]
    """``redis://…/1``, websocket events. Secret: it holds the password."""

    backend: Backend
    """What clients need: Secret ``redis-config`` with ``cache-url`` and ``websocket-url``, variables, edges."""

    def __init__(self, name: str, args: RedisArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("open-webui-stack:redis:Redis", name, opts=opts)
        self._args = args
        self._metadata: ObjectMetaArgsDict = {"namespace": args.namespace, "labels": LABELS.metadata}

        self._topology = args.settings.topology
        if args.settings.topology == "external":
            self._lead_to_external()
        else:
            self._deploy()
        self.register_outputs({"cache_url": self.cache_url, "websocket_url": self.websocket_url})

    def _deploy(self) -> None:
        args = self._args
        accounts = users(self, self._metadata, rotation=args.rotation, own=own_users(args.settings))
        # With Sentinels the host is the name of the service that they watch.
        host = MASTER if self._topology == "sentinel" else f"{SERVICE}:{PORT}"
        tls = args.settings.tls
        self.cache_url = _url(accounts.password, host, APP_DATABASE, tls=tls.enabled)
        websocket_database = CLUSTER_DATABASE if self._topology == "cluster" else WEBSOCKET_DATABASE
        self.websocket_url = _url(accounts.password, host, websocket_database, tls=tls.enabled)
        self.backend = Backend(
            connection=self._connection_secret(),
            egress=[allow_to([pods(LABELS.selector)], *self._ports)],
            variables=client_variables(self._topology, SENTINEL_HOSTS, SENTINEL_PORT),
            authority=tls.secret if tls.enabled else None,
        )
        self._workload(accounts.secret)
        service(
            SERVICE,
            in_namespace=args.namespace,
            labels=LABELS,
            port_name="redis",
            port=PORT,
            opts=child_options(self),
        )
        if args.watched_by_operator:
            watch(self, self._metadata, LABELS, args.settings, args.namespace_name)
        disruption_budget("redis", in_namespace=args.namespace, labels=LABELS, opts=child_options(self))

    def _lead_to_external(self) -> None:
        settings = self._args.settings.external
        self.cache_url, self.websocket_url = external_urls(settings, self._args.secret_inputs)
        authority = None
        if settings.certificate_authority:
            authority = "redis-ca"
            k8s.core.v1.Secret(
                authority,
                metadata={"name": authority, **self._metadata},
                string_data={"ca.crt": Output.secret(settings.certificate_authority)},
                opts=child_options(self),
            )
        self.backend = Backend(
            connection=self._connection_secret(),
            egress=external_egress(settings, self._args.namespace_name),
            variables=client_variables(settings.shape, hosts_in(settings.sentinel_hosts), settings.sentinel_port),
            authority=authority,
        )

    def _connection_secret(self) -> ConnectionSecret:
        contents = {"cache-url": self.cache_url, "websocket-url": self.websocket_url}
        secret = k8s.core.v1.Secret(
            "redis-config",
            metadata={"name": "redis-config", **self._metadata},
            string_data=contents,
            opts=child_options(self),
        )
        return ConnectionSecret(name="redis-config", checksum=checksum(contents), resource=secret)

    def _workload(self, users: pulumi.Resource) -> None:
        files = configuration(self._args.settings)
        conf = k8s.core.v1.ConfigMap(
            CONFIG_MAP,
            metadata={"name": CONFIG_MAP, **self._metadata},
            data=files,
            opts=child_options(self),
        )
        account = service_account("redis", in_namespace=self._args.namespace, labels=LABELS, opts=child_options(self))
        names = host_names(self._args.settings, SERVICE, self._args.namespace_name)
        issued = certificate(self, self._metadata, self._args.settings, names)
        depends_on = [users, conf, account, self._network_policy(), *self._volume(), *issued, *self._remembered()]
        template: PodTemplateSpecArgsDict = {
            "metadata": {
                "labels": LABELS.metadata,
                "annotations": {
                    # Not the users: a changed password is loaded into the running server (reload-users.sh).
                    "checksum/config": checksum(files),
                    **(scrape_annotations() if self._args.scraped_from else {}),
                },
            },
            "spec": pod(self._args.settings, monitored=self._args.scraped_from is not None),
        }
        if self._args.settings.replicated or self._args.settings.durability == "volume":
            self._stateful_set(template, depends_on)
            return
        k8s.apps.v1.Deployment(
            "redis",
            metadata={"name": "redis", **self._metadata},
            spec={
                "replicas": 1,
                "revision_history_limit": 2,
                # Two servers behind one Service would split the state between them.
                "strategy": {"type": "Recreate"},
                "selector": {"match_labels": LABELS.selector},
                "template": template,
            },
            opts=child_options(self, depends_on=depends_on),
        )

    def _remembered(self) -> list[pulumi.Resource]:
        data = stored_data(self._args.settings)
        return [remember(REMEMBERED, data, refused_server, child_options(self))] if data else []

    def _stateful_set(self, template: PodTemplateSpecArgsDict, depends_on: list[pulumi.Resource]) -> None:
        # Only a StatefulSet waits until the last pod is gone, even on a lost node: two servers on one file ruin it. And
        # only one pod at a time starts: the first of three is the first master (start-node.sh).
        settings = self._args.settings
        if settings.replicated:
            depends_on = [*depends_on, self._nodes_service()]
        if self._topology == "sentinel":
            service(
                SENTINEL_SERVICE,
                in_namespace=self._args.namespace,
                labels=LABELS,
                port_name="sentinel",
                port=SENTINEL_PORT,
                opts=child_options(self),
            )
        workload = k8s.apps.v1.StatefulSet(
            "redis",
            metadata={"name": "redis", **self._metadata},
            spec={
                "service_name": NODES_SERVICE if settings.replicated else SERVICE,
                "replicas": settings.nodes,
                "revision_history_limit": 2,
                # The nodes of a cluster do not wait for each other; those of the Sentinels have to (start-node.sh).
                "pod_management_policy": "Parallel" if self._topology == "cluster" else "OrderedReady",
                "selector": {"match_labels": LABELS.selector},
                "template": template,
                "volume_claim_templates": self._claims(),
            },
            opts=child_options(self, depends_on=depends_on),
        )
        if self._topology == "cluster":
            cluster.set_up(
                self,
                settings,
                in_namespace=self._args.namespace,
                nodes=LABELS.selector,
                port=PORT,
                depends_on=[workload],
            )

    def _claims(self) -> list[PersistentVolumeClaimArgsDict]:
        settings = self._args.settings
        if not settings.replicated:
            return []
        if settings.durability == "volume":
            return [self._claim("data", settings.storage.size)]
        return [self._claim("node", NODE_VOLUME)] if self._topology == "cluster" else []

    def _nodes_service(self) -> pulumi.Resource:
        name, port = {"sentinel": ("sentinel", SENTINEL_PORT), "cluster": ("bus", cluster.BUS_PORT)}[self._topology]
        second: ServicePortArgsDict = {"name": name, "port": port, "target_port": name, "protocol": "TCP"}
        return k8s.core.v1.Service(
            NODES_SERVICE,
            metadata={
                "name": NODES_SERVICE,
                **self._metadata,
                "annotations": {"pulumi.com/skipAwait": "true"},
            },
            spec={
                "cluster_ip": "None",
                # The nodes find each other before they are ready, and so do the Sentinels.
                "publish_not_ready_addresses": True,
                "selector": LABELS.selector,
                "ports": [
                    {"name": "redis", "port": PORT, "target_port": "redis", "protocol": "TCP"},
                    second,
                ],
            },
            opts=child_options(self),
        )

    def _claim(self, name: str, size: str) -> PersistentVolumeClaimArgsDict:
        storage = self._args.settings.storage
        return {
            "metadata": {"name": name, **self._metadata},
            "spec": {
                "access_modes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": size}},
                **({"storage_class_name": storage.class_name} if storage.class_name else {}),
            },
        }

    def _volume(self) -> list[pulumi.Resource]:
        settings = self._args.settings
        if settings.durability != "volume" or settings.replicated:
            return []
        claim = self._claim(CLAIM, settings.storage.size)
        # A claim of its own, not a template, as the database's (docs/decisions/0003-database-volume.md).
        return [
            k8s.core.v1.PersistentVolumeClaim(
                CLAIM,
                metadata=claim["metadata"],
                spec=claim["spec"],
                opts=child_options(self, **stateful(self._args.protect)),
            )
        ]

    @property
    def _ports(self) -> tuple[int, ...]:
        """What the clients connect to."""
        return (PORT, SENTINEL_PORT) if self._topology == "sentinel" else (PORT,)

    def _network_policy(self) -> k8s.networking.v1.NetworkPolicy:
        edges = [allow_from([pods(self._args.clients)], *self._ports)]
        between = []
        if self._args.settings.replicated:
            bus = (cluster.BUS_PORT,) if self._topology == "cluster" else ()
            edges.append(allow_from([pods(LABELS.selector)], *self._ports, *bus))
            between.append(allow_to([pods(LABELS.selector)], *self._ports, *bus))
        if self._topology == "cluster":
            edges.append(allow_from([pods(cluster.JOB_LABELS.selector)], PORT))
        if self._args.scraped_from:
            edges.append(allow_from([namespace(self._args.scraped_from)], EXPORTER_PORT))
        return network_policy(
            "redis",
            in_namespace=self._args.namespace,
            labels=LABELS.metadata,
            selector=LABELS.selector,
            ingress=edges,
            egress=between,
            opts=child_options(self),
        )


def _url(password: Output[str], host: str, database: int, *, tls: bool) -> Output[str]:
    quoted = password.apply(lambda plain: quote(plain, safe=""))
    scheme = "rediss" if tls else "redis"
    url = Output.concat(f"{scheme}://openwebui:", quoted, f"@{host}/{database}")
    return Output.secret(url.apply(with_authority) if tls else url)
