"""Redis as one ComponentResource: the server, its users, its Services and the network policy rules for its clients."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

import pulumi
import pulumi_kubernetes as k8s
from pulumi import Input, Output
from pulumi_kubernetes.core.v1 import PersistentVolumeClaimArgsDict, PodTemplateSpecArgsDict

from ..blocks import authority
from ..blocks.children import SKIP_AWAIT, Children
from ..blocks.component import Component
from ..blocks.connection import Backend, Connection
from ..blocks.connection_keys import CACHE_URL, WEBSOCKET_URL
from ..blocks.egress import egress_rules
from ..blocks.exporter import scrape_annotations
from ..blocks.generated_secrets import checksum
from ..blocks.network_policy import allow_from, allow_to, client_pods, namespace, pods
from ..blocks.remembered import remember
from ..blocks.secret_inputs import SecretInputs
from ..blocks.server_certificate import certificate
from ..blocks.server_tls import host_names
from ..blocks.volume_claim import volume_claim_spec
from ..blocks.watching import Watching
from .monitoring.exporter import EXPORTER_PORT
from .monitoring.watching import watch
from .names import APP, CONFIG_MAP, CONNECTION_SECRET, HEADLESS_SERVICE, LABELS, SERVICE, SET_UP_LABELS
from .server.places import PORT
from .server.pod import configuration, pod
from .server.set_up_job import set_up_job
from .server.stored_data import REMEMBERED, refused_server, stored_data
from .server.users import users
from .settings import RedisSettings
from .topologies.base import ServerTopology
from .topologies.external import CACHE_URL as CACHE_URL_INPUT
from .topologies.external import WEBSOCKET_URL as WEBSOCKET_URL_INPUT
from .topologies.external import External

_INPUTS = {CACHE_URL: (CACHE_URL_INPUT,), WEBSOCKET_URL: (WEBSOCKET_URL_INPUT, CACHE_URL_INPUT)}
"""Keys of the connection, each with the secrets of an external Redis for it: the first one that is set is used."""


@dataclass(frozen=True, kw_only=True)
class RedisArgs:
    """What Redis needs from outside."""

    namespace: Input[str]
    """Existing namespace. The names of the objects in it are fixed (`names`)."""

    namespace_name: str
    """The name of the namespace as a plain value, for rules that the program computes before any object exists."""

    settings: RedisSettings
    """Validated settings, plain values."""

    secret_inputs: SecretInputs
    """Secrets that are set; ``redisCacheUrl`` and ``redisWebsocketUrl`` are those of an external Redis."""

    rotation: int
    """Number of the current password, from 1. The previous password stays valid."""

    clients: dict[str, str]
    """Labels of the pods that may connect. No others can, apart from the clients of the settings."""

    protect: bool
    """Whether Pulumi refuses to delete the volume, if there is one."""

    scraped_from: str | None = None
    """Namespace of Prometheus. None: no metrics, and no ingress rule for them."""

    watching: Watching | None = None
    """How the Prometheus operator watches the component. None: it does not."""

    connection_secret: str = CONNECTION_SECRET
    """Name of the Secret with the URLs of an external Redis."""

    qualified: bool = False
    """Whether the URLs have the name of the Service with its namespace, for clients in any namespace."""


class Redis(Component[RedisArgs]):
    """One Redis. Losing it does not sign users out of Open WebUI; open websockets reconnect.

    A server without durability loses websocket rooms, the states of running tasks and the list of signed-out tokens.
    """

    TYPE = "open-webui-stack:redis:Redis"
    LABELS = LABELS
    OUTPUTS = ("cache_url", "websocket_url")

    cache_url: Output[str] | None
    """``redis://…/0``, application state. Secret: it contains the password. None: it is in an existing Secret."""

    websocket_url: Output[str] | None
    """``redis://…/1``, websocket events. As `cache_url`."""

    backend: Backend
    """For the clients: the Secret with both URLs, variables, network policy rules."""

    def create(self) -> None:
        layout, children = self.args.settings.layout, self.children(self.args.namespace)
        if isinstance(layout, External):
            self._connect(children, layout)
        else:
            self._deploy(children, layout)

    def _deploy(self, children: Children, layout: ServerTopology) -> None:
        args = self.args
        accounts = users(children, layout, rotation=args.rotation)
        quoted = accounts.password.apply(lambda password: quote(password, safe=""))
        in_namespace = args.namespace_name if args.qualified else None
        databases = {CACHE_URL: layout.cache_database, WEBSOCKET_URL: layout.websocket_database}
        urls: dict[str, Output[str]] = {
            key: Output.secret(quoted.apply(partial(layout.url, database=number, namespace=in_namespace)))
            for key, number in databases.items()
        }
        self.cache_url, self.websocket_url = urls[CACHE_URL], urls[WEBSOCKET_URL]
        self.backend = Backend(
            connection=Connection(secret=children.secret(CONNECTION_SECRET, urls)),
            egress=[allow_to([pods(LABELS.selector)], *layout.client_ports)],
            variables=layout.client_variables,
            authority=layout.authority,
        )
        self._workload(children, layout, accounts.secret)
        for name, (port_name, port) in {SERVICE: (APP, PORT), **layout.services}.items():
            children.service(name, port_name=port_name, port=port)
        if args.watching:
            watch(children, args.watching, layout, args.namespace_name)
        children.disruption_budget(APP)

    def _connect(self, children: Children, layout: External) -> None:
        inputs = self.args.secret_inputs
        urls = {key: self._url(layout, *names) for key, names in _INPUTS.items()}
        self.cache_url, self.websocket_url = urls[CACHE_URL], urls[WEBSOCKET_URL]
        pem = self.args.settings.external.certificate_authority
        if layout.authority and pem:
            children.secret(layout.authority.secret, {authority.KEY: Output.secret(pem)})
        own = {key: url for key, url in urls.items() if url is not None}
        self.backend = Backend(
            connection=Connection(
                secret=children.secret(self.args.connection_secret, own) if own else None,
                references={key: inputs.references[_set(inputs, *_INPUTS[key])] for key in urls.keys() - own.keys()},
            ),
            egress=egress_rules(layout.destinations, self.args.namespace_name),
            variables=layout.client_variables,
            authority=layout.authority,
        )

    def _url(self, layout: External, *names: str) -> Output[str] | None:
        """The URL of the first secret that is set; None if it is in an existing Secret."""
        value = self.args.secret_inputs.values.get(_set(self.args.secret_inputs, *names))
        return Output.secret(value).apply(layout.url) if value is not None else None

    def _workload(self, children: Children, layout: ServerTopology, users: pulumi.Resource) -> None:
        args = self.args
        files = configuration(args.settings, layout)
        data = stored_data(args.settings)
        storage = args.settings.storage
        depends_on = [
            users,
            children.config_map(CONFIG_MAP, files),
            children.service_account(APP),
            self._network_policy(children, layout),
            # PVCs of their own, not templates, as the database's (docs/decisions/0003-database-volume.md).
            *(
                children.volume_claim(name, size=size, class_name=storage.class_name, protect=args.protect)
                for name, size in layout.claims.items()
            ),
            *certificate(
                children,
                args.settings.tls,
                "redis-certificate",
                host_names=host_names(layout.certificate_hosts, args.namespace_name),
                # The members of a Redis Cluster are also clients of each other.
                usages=("server auth", "client auth"),
            ),
            *([remember(REMEMBERED, data, refused_server, children.options())] if data else []),
        ]
        annotations: dict[str, Input[str]] = {
            # Not the users: a changed password is loaded into the running server (reload-users.sh).
            "checksum/config": checksum(files),
            **(scrape_annotations(EXPORTER_PORT) if args.scraped_from else {}),
        }
        spec = pod(args.settings, layout, monitored=args.scraped_from is not None)
        template = children.pod_template(spec, annotations)
        if layout.stateful:
            self._stateful_set(children, layout, template, depends_on)
        else:
            self._deployment(children, template, depends_on)

    def _deployment(
        self, children: Children, template: PodTemplateSpecArgsDict, depends_on: list[pulumi.Resource]
    ) -> None:
        k8s.apps.v1.Deployment(
            APP,
            metadata=children.metadata(APP),
            spec={
                "replicas": 1,
                "revision_history_limit": 2,
                # Two servers behind one Service would split the state between them.
                "strategy": {"type": "Recreate"},
                "selector": {"match_labels": LABELS.selector},
                "template": template,
            },
            opts=children.options(depends_on=depends_on),
        )

    def _stateful_set(
        self,
        children: Children,
        layout: ServerTopology,
        template: PodTemplateSpecArgsDict,
        depends_on: list[pulumi.Resource],
    ) -> None:
        headless = [_headless_service(children, layout.headless_ports)] if layout.headless_ports else []
        workload = k8s.apps.v1.StatefulSet(
            APP,
            metadata=children.metadata(APP),
            spec={
                "service_name": HEADLESS_SERVICE if headless else SERVICE,
                "replicas": layout.pods,
                "revision_history_limit": 2,
                "pod_management_policy": layout.pod_management_policy,
                "selector": {"match_labels": LABELS.selector},
                "template": template,
                "volume_claim_templates": [
                    self._claim_template(children, name, size) for name, size in layout.claim_templates.items()
                ],
            },
            opts=children.options(depends_on=[*depends_on, *headless]),
        )
        if layout.set_up_variables:
            set_up_job(children.of(SET_UP_LABELS), self.args.settings, layout.set_up_variables, [workload])

    def _claim_template(self, children: Children, name: str, size: str) -> PersistentVolumeClaimArgsDict:
        spec = volume_claim_spec(size=size, class_name=self.args.settings.storage.class_name)
        return {"metadata": children.metadata(name), "spec": spec}

    def _network_policy(self, children: Children, layout: ServerTopology) -> k8s.networking.v1.NetworkPolicy:
        clients = [pods(self.args.clients), *client_pods(self.args.settings.clients)]
        rules = [allow_from(clients, *layout.client_ports)]
        between = []
        if layout.peer_ports:
            rules.append(allow_from([pods(LABELS.selector)], *layout.peer_ports))
            between.append(allow_to([pods(LABELS.selector)], *layout.peer_ports))
        rules += [allow_from([pods(labels.selector)], PORT) for labels in layout.further_clients]
        if self.args.scraped_from:
            rules.append(allow_from([namespace(self.args.scraped_from)], EXPORTER_PORT))
        return children.network_policy(APP, ingress=rules, egress=between)


def _headless_service(children: Children, ports: Mapping[str, int]) -> pulumi.Resource:
    return k8s.core.v1.Service(
        HEADLESS_SERVICE,
        metadata=children.metadata(HEADLESS_SERVICE, SKIP_AWAIT),
        spec={
            "cluster_ip": "None",
            # Servers and Sentinels find each other before they are ready.
            "publish_not_ready_addresses": True,
            "selector": LABELS.selector,
            "ports": [
                {"name": name, "port": number, "target_port": name, "protocol": "TCP"} for name, number in ports.items()
            ],
        },
        opts=children.options(),
    )


def _set(inputs: SecretInputs, *names: str) -> str:
    return next(name for name in names if name in inputs.names)
