"""Redis as one ComponentResource: the server, its users, its Service and the only edges into it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

import pulumi
import pulumi_kubernetes as k8s
from pulumi import Input, Output, ResourceOptions
from pulumi_kubernetes.core.v1 import PersistentVolumeClaimArgsDict, PodTemplateSpecArgsDict
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict

from ..blocks.children import child_options, stateful
from ..blocks.connection import Backend, ConnectionSecret
from ..blocks.disruption_budget import disruption_budget
from ..blocks.egress import egress_rules
from ..blocks.generated_secrets import checksum
from ..blocks.network_policy import allow_from, allow_to, namespace, network_policy, pods
from ..blocks.remembered import remember
from ..blocks.service import service
from ..blocks.service_account import service_account
from .monitoring.exporter import EXPORTER_PORT, scrape_annotations
from .monitoring.watching import watch
from .server.places import PORT
from .server.pod import CONFIG_MAP, LABELS, configuration, pod
from .server.set_up_job import set_up_job
from .server.stored_data import REMEMBERED, refused_server, stored_data
from .server.tls import certificate, host_names
from .server.users import users
from .settings import RedisSettings
from .topologies.base import ServerTopology
from .topologies.external import CACHE_URL, WEBSOCKET_URL, External
from .topologies.names import HEADLESS_SERVICE, SERVICE


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

        layout = args.settings.layout
        if isinstance(layout, External):
            self._connect(layout)
        else:
            self._deploy(layout)
        self.register_outputs({"cache_url": self.cache_url, "websocket_url": self.websocket_url})

    def _deploy(self, layout: ServerTopology) -> None:
        args = self._args
        accounts = users(self, self._metadata, layout, rotation=args.rotation)
        quoted = accounts.password.apply(lambda password: quote(password, safe=""))
        self.cache_url = Output.secret(quoted.apply(partial(layout.url, database=layout.cache_database)))
        self.websocket_url = Output.secret(quoted.apply(partial(layout.url, database=layout.websocket_database)))
        self.backend = Backend(
            connection=self._connection_secret(),
            egress=[allow_to([pods(LABELS.selector)], *layout.client_ports)],
            variables=layout.client_variables,
            authority=layout.authority,
        )
        self._workload(layout, accounts.secret)
        for name, (port_name, port) in {SERVICE: ("redis", PORT), **layout.services}.items():
            service(
                name,
                in_namespace=args.namespace,
                labels=LABELS,
                port_name=port_name,
                port=port,
                opts=child_options(self),
            )
        if args.watched_by_operator:
            watch(self, self._metadata, LABELS, layout, args.namespace_name)
        disruption_budget("redis", in_namespace=args.namespace, labels=LABELS, opts=child_options(self))

    def _connect(self, layout: External) -> None:
        secrets = self._args.secret_inputs
        cache = Output.secret(secrets[CACHE_URL])
        websocket = Output.secret(secrets[WEBSOCKET_URL]) if WEBSOCKET_URL in secrets else cache
        self.cache_url, self.websocket_url = cache.apply(layout.url), websocket.apply(layout.url)
        pem = self._args.settings.external.certificate_authority
        if layout.authority and pem:
            k8s.core.v1.Secret(
                layout.authority,
                metadata={"name": layout.authority, **self._metadata},
                string_data={"ca.crt": Output.secret(pem)},
                opts=child_options(self),
            )
        self.backend = Backend(
            connection=self._connection_secret(),
            egress=egress_rules(layout.destinations, self._args.namespace_name),
            variables=layout.client_variables,
            authority=layout.authority,
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

    def _workload(self, layout: ServerTopology, users: pulumi.Resource) -> None:
        args = self._args
        files = configuration(args.settings, layout)
        conf = k8s.core.v1.ConfigMap(
            CONFIG_MAP,
            metadata={"name": CONFIG_MAP, **self._metadata},
            data=files,
            opts=child_options(self),
        )
        account = service_account("redis", in_namespace=args.namespace, labels=LABELS, opts=child_options(self))
        names = host_names(layout.certificate_hosts, args.namespace_name)
        issued = certificate(self, self._metadata, args.settings, names)
        depends_on = [
            *(users, conf, account, self._network_policy(layout)),
            *(*self._claims(layout), *issued, *self._remembered()),
        ]
        template: PodTemplateSpecArgsDict = {
            "metadata": {
                "labels": LABELS.metadata,
                "annotations": {
                    # Not the users: a changed password is loaded into the running server (reload-users.sh).
                    "checksum/config": checksum(files),
                    **(scrape_annotations() if args.scraped_from else {}),
                },
            },
            "spec": pod(args.settings, layout, monitored=args.scraped_from is not None),
        }
        if layout.stateful:
            self._stateful_set(layout, template, depends_on)
        else:
            self._deployment(template, depends_on)

    def _deployment(self, template: PodTemplateSpecArgsDict, depends_on: list[pulumi.Resource]) -> None:
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

    def _stateful_set(
        self, layout: ServerTopology, template: PodTemplateSpecArgsDict, depends_on: list[pulumi.Resource]
    ) -> None:
        headless = [self._headless_service(layout.headless_ports)] if layout.headless_ports else []
        templates = {name: self._claim(name, size) for name, size in layout.claim_templates.items()}
        workload = k8s.apps.v1.StatefulSet(
            "redis",
            metadata={"name": "redis", **self._metadata},
            spec={
                "service_name": HEADLESS_SERVICE if headless else SERVICE,
                "replicas": layout.pods,
                "revision_history_limit": 2,
                "pod_management_policy": layout.pod_management_policy,
                "selector": {"match_labels": LABELS.selector},
                "template": template,
                "volume_claim_templates": list(templates.values()),
            },
            opts=child_options(self, depends_on=[*depends_on, *headless]),
        )
        if layout.set_up_variables:
            set_up_job(
                self,
                self._args.settings,
                layout.set_up_variables,
                in_namespace=self._args.namespace,
                servers=LABELS.selector,
                depends_on=[workload],
            )

    def _headless_service(self, ports: Mapping[str, int]) -> pulumi.Resource:
        return k8s.core.v1.Service(
            HEADLESS_SERVICE,
            metadata={
                "name": HEADLESS_SERVICE,
                **self._metadata,
                "annotations": {"pulumi.com/skipAwait": "true"},
            },
            spec={
                "cluster_ip": "None",
                # Servers and Sentinels find each other before they are ready.
                "publish_not_ready_addresses": True,
                "selector": LABELS.selector,
                "ports": [
                    {"name": name, "port": number, "target_port": name, "protocol": "TCP"}
                    for name, number in ports.items()
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

    def _claims(self, layout: ServerTopology) -> list[pulumi.Resource]:
        # PVCs of their own, not templates, as the database's (docs/decisions/0003-database-volume.md).
        claims = {name: self._claim(name, size) for name, size in layout.claims.items()}
        return [
            k8s.core.v1.PersistentVolumeClaim(
                name,
                metadata=claim["metadata"],
                spec=claim["spec"],
                opts=child_options(self, **stateful(self._args.protect)),
            )
            for name, claim in claims.items()
        ]

    def _network_policy(self, layout: ServerTopology) -> k8s.networking.v1.NetworkPolicy:
        rules = [allow_from([pods(self._args.clients)], *layout.client_ports)]
        between = []
        if layout.peer_ports:
            rules.append(allow_from([pods(LABELS.selector)], *layout.peer_ports))
            between.append(allow_to([pods(LABELS.selector)], *layout.peer_ports))
        rules += [allow_from([pods(labels.selector)], PORT) for labels in layout.further_clients]
        if self._args.scraped_from:
            rules.append(allow_from([namespace(self._args.scraped_from)], EXPORTER_PORT))
        return network_policy(
            "redis",
            in_namespace=self._args.namespace,
            labels=LABELS.metadata,
            selector=LABELS.selector,
            ingress=rules,
            egress=between,
            opts=child_options(self),
        )
