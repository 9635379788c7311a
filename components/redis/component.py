"""Redis as one ComponentResource: the server, its users, its Service and the only edges into it."""

from dataclasses import dataclass
from urllib.parse import quote

import pulumi
import pulumi_kubernetes as k8s
from pulumi import Input, Output, ResourceOptions
from pulumi_kubernetes.core.v1 import ContainerArgsDict, PodSpecArgsDict, ProbeArgsDict
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict

from ..children import child_options
from ..connection import ConnectionSecret
from ..container_resources import resource_requirements
from ..disruption_budget import disruption_budget
from ..generated_secrets import checksum, generated_password
from ..labels import Labels
from ..network_policy import allow_from, namespace, network_policy, pods
from ..pod_security import container_security_context, pod_security_context
from ..probes import exec_probe
from ..service import service
from ..service_account import service_account
from .acl import acl_file
from .exporter import EXPORTER_PORT, exporter_container, scrape_annotations
from .settings import RedisSettings

PORT = 6379
SERVICE = "redis-service"
APP_DATABASE = 0
WEBSOCKET_DATABASE = 1
LABELS = Labels(app="redis", component="cache")


@dataclass(frozen=True, kw_only=True)
class RedisArgs:
    """What Redis needs from outside."""

    namespace: Input[str]
    """Existing namespace. The objects' names there are fixed: ``redis``, ``redis-service``, ``redis-config``."""

    settings: RedisSettings
    """Validated settings, plain values."""

    rotation: int
    """Number of the current password, from 1."""

    clients: dict[str, str]
    """Labels of the pods that may connect; no others can."""

    scraped_from: str | None = None
    """Namespace of Prometheus. None: no metrics and no way in for them."""


class Redis(pulumi.ComponentResource):
    """One Redis server without persistence. Losing it signs nobody out of Open WebUI; open websockets reconnect.

    What is lost with it are websocket rooms, running task states and the list of signed-out tokens.
    """

    cache_url: Output[str]
    """``redis://…/0``, application state. Secret: it holds the password."""

    websocket_url: Output[str]
    """``redis://…/1``, websocket events. Secret: it holds the password."""

    connection: ConnectionSecret
    """Secret ``redis-config`` with the keys ``cache-url`` and ``websocket-url``."""

    def __init__(self, name: str, args: RedisArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("open-webui-stack:redis:Redis", name, opts=opts)
        self._args = args
        self._metadata: ObjectMetaArgsDict = {"namespace": args.namespace, "labels": LABELS.metadata}

        password = generated_password("redis-password", args.rotation, child_options(self))
        exporter_password = generated_password("redis-exporter-password", args.rotation, child_options(self))
        self.cache_url = _url(password, APP_DATABASE)
        self.websocket_url = _url(password, WEBSOCKET_DATABASE)
        self.connection = self._connection_secret()
        self._deployment(password, exporter_password)
        service(
            SERVICE,
            in_namespace=args.namespace,
            labels=LABELS,
            port_name="redis",
            port=PORT,
            opts=child_options(self),
        )
        disruption_budget("redis", in_namespace=args.namespace, labels=LABELS, opts=child_options(self))
        self.register_outputs({"cache_url": self.cache_url, "websocket_url": self.websocket_url})

    def _connection_secret(self) -> ConnectionSecret:
        contents = {"cache-url": self.cache_url, "websocket-url": self.websocket_url}
        secret = k8s.core.v1.Secret(
            "redis-config",
            metadata={"name": "redis-config", **self._metadata},
            string_data=contents,
            opts=child_options(self),
        )
        return ConnectionSecret(name="redis-config", checksum=checksum(contents), resource=secret)

    def _deployment(self, password: Output[str], exporter_password: Output[str]) -> None:
        acl = {
            "users.acl": Output.all(password, exporter_password).apply(
                lambda passwords: acl_file(openwebui_password=passwords[0], exporter_password=passwords[1])
            ),
            "exporter-password": exporter_password,
        }
        configuration = {"redis.conf": _redis_conf(self._args.settings)}
        users = k8s.core.v1.Secret(
            "redis-acl",
            metadata={"name": "redis-acl", **self._metadata},
            string_data=acl,
            opts=child_options(self),
        )
        conf = k8s.core.v1.ConfigMap(
            "redis-conf",
            metadata={"name": "redis-conf", **self._metadata},
            data=configuration,
            opts=child_options(self),
        )
        account = service_account("redis", in_namespace=self._args.namespace, labels=LABELS, opts=child_options(self))
        policy = self._network_policy()
        k8s.apps.v1.Deployment(
            "redis",
            metadata={"name": "redis", **self._metadata},
            spec={
                "replicas": 1,
                "revision_history_limit": 2,
                # Two servers behind one Service would split the state between them.
                "strategy": {"type": "Recreate"},
                "selector": {"match_labels": LABELS.selector},
                "template": {
                    "metadata": {
                        "labels": LABELS.metadata,
                        "annotations": {
                            "checksum/config": checksum(acl, configuration),
                            **(scrape_annotations() if self._args.scraped_from else {}),
                        },
                    },
                    "spec": self._pod(),
                },
            },
            opts=child_options(self, depends_on=[users, conf, account, policy]),
        )

    def _pod(self) -> PodSpecArgsDict:
        containers = [self._server()]
        if self._args.scraped_from:
            containers.append(exporter_container(PORT))
        return {
            "service_account_name": "redis",
            "automount_service_account_token": False,
            "enable_service_links": False,
            "security_context": pod_security_context(),
            "termination_grace_period_seconds": 10,
            "containers": containers,
            "volumes": [
                {"name": "conf", "config_map": {"name": "redis-conf"}},
                {"name": "acl", "secret": {"secret_name": "redis-acl", "default_mode": 0o440}},
            ],
        }

    def _server(self) -> ContainerArgsDict:
        return {
            "name": "redis",
            "image": self._args.settings.image,
            "image_pull_policy": "IfNotPresent",
            "command": ["redis-server", "/etc/redis/redis.conf"],
            "ports": [{"name": "redis", "container_port": PORT, "protocol": "TCP"}],
            "resources": resource_requirements(self._args.settings.container_resources()),
            # redis-cli exits with 0 on errors too: the answer decides. A server that is loading is alive, not ready.
            "startup_probe": _ping("PONG", period_seconds=1, failure_threshold=60),
            "readiness_probe": _ping("PONG", period_seconds=5, failure_threshold=2),
            "liveness_probe": _ping("PONG|LOADING|BUSY", period_seconds=10, failure_threshold=6),
            "security_context": container_security_context(),
            "volume_mounts": [
                {"name": "conf", "mount_path": "/etc/redis", "read_only": True},
                {"name": "acl", "mount_path": "/etc/redis-acl", "read_only": True},
            ],
        }

    def _network_policy(self) -> k8s.networking.v1.NetworkPolicy:
        edges = [allow_from([pods(self._args.clients)], PORT)]
        if self._args.scraped_from:
            edges.append(allow_from([namespace(self._args.scraped_from)], EXPORTER_PORT))
        return network_policy(
            "redis",
            in_namespace=self._args.namespace,
            labels=LABELS.metadata,
            selector=LABELS.selector,
            ingress=edges,
            egress=[],
            opts=child_options(self),
        )


def _url(password: Output[str], database: int) -> Output[str]:
    quoted = password.apply(lambda plain: quote(plain, safe=""))
    return Output.secret(Output.concat("redis://openwebui:", quoted, f"@{SERVICE}:{PORT}/{database}"))


def _ping(answers: str, *, period_seconds: int, failure_threshold: int) -> ProbeArgsDict:
    # The exit status of redis-cli says nothing: 0 also for an error. Not its own -t, which older versions do not have.
    command = ["sh", "-c", f"timeout 3 redis-cli ping | grep -Eq '{answers}'"]
    return exec_probe(command, period_seconds=period_seconds, failure_threshold=failure_threshold)


def _redis_conf(settings: RedisSettings) -> str:
    return f"""\
# The default user may PING and nothing else (users.acl), so that the server can be open to its clients.
protected-mode no
aclfile /etc/redis-acl/users.acl

# No persistence: what must survive is in PostgreSQL.
save ""
appendonly no

maxmemory {settings.maxmemory}
maxmemory-policy {settings.maxmemory_policy}
# Clients that read too slowly are disconnected before their buffers push the data out.
maxmemory-clients 10%

# Free memory in the background: deleting a large hash does not stop the other clients.
lazyfree-lazy-eviction yes
lazyfree-lazy-expire yes
lazyfree-lazy-server-del yes
lazyfree-lazy-user-del yes

tcp-keepalive 60
"""
