"""PostgreSQL as one ComponentResource: the server, its volume, its password and the only edge into it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

import pulumi
import pulumi_kubernetes as k8s
from pulumi import Input, Output, ResourceOptions
from pulumi_kubernetes.core.v1 import ContainerArgsDict, PodSpecArgsDict, VolumeMountArgsDict
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict

from ..blocks.children import child_options, stateful
from ..blocks.connection import ConnectionSecret
from ..blocks.container_resources import resource_requirements
from ..blocks.disruption_budget import disruption_budget
from ..blocks.generated_secrets import checksum, generated_password
from ..blocks.labels import Labels
from ..blocks.network_policy import allow_from, network_policy, pods
from ..blocks.pod_security import container_security_context, pod_security_context
from ..blocks.probes import exec_probe
from ..blocks.remembered import remember
from ..blocks.service import service
from ..blocks.service_account import service_account
from .configuration import CONFIG_FILE, DATA_DIRECTORY, DATA_VOLUME, SOCKET_DIRECTORY, pg_hba_conf, postgresql_conf
from .settings import PostgreSQLSettings
from .stored_data import REMEMBERED, refused_image, stored_data

PORT = 5432
SERVICE = "postgres"
# Names of the pods, which a StatefulSet wants from a headless Service; clients use the one above.
PODS_SERVICE = "postgres-pods"
USER = "ragsystemuser"
DATABASE = "ragsystemdb"
LABELS = Labels(app="postgres", component="database")

# Of libpq, whose own defaults wait for a server that has gone without a word as long as the kernel does: two minutes
# for a connection, 15 for an answer, two hours when nothing is asked.
CLIENT_PARAMETERS = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""Time limits of a client's connections, in seconds; ``tcp_user_timeout`` in milliseconds.

https://www.postgresql.org/docs/17/libpq-connect.html#LIBPQ-PARAMKEYWORDS
"""

PREPARE_SCRIPT = (Path(__file__).with_name("files") / "prepare.sh").read_text()
"""Makes a data directory ready for a server: cluster, role, database, pgvector."""


@dataclass(frozen=True, kw_only=True)
class PostgreSQLArgs:
    """What PostgreSQL needs from outside."""

    namespace: Input[str]
    """Existing namespace. Its objects' names are fixed: ``postgres``, ``postgresql-secret``, ``postgres-data``."""

    settings: PostgreSQLSettings
    """Validated settings, plain values."""

    rotation: int
    """Number of the current password, from 1."""

    clients: Sequence[dict[str, str]]
    """Labels of the pods that may connect, for each application; no others can."""

    protect: bool
    """Whether the volume and the password are refused deletion."""


class PostgreSQL(pulumi.ComponentResource):
    """One PostgreSQL server on one volume. Everything that must survive is in it."""

    database_url: Output[str]
    """``postgresql://…`` of the application's user. Secret: it holds the password."""

    connection: ConnectionSecret
    """Secret ``postgresql-secret`` with the keys ``database-url`` and, with time limits, ``client-url``."""

    def __init__(self, name: str, args: PostgreSQLArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("open-webui-stack:postgresql:PostgreSQL", name, opts=opts)
        self._args = args
        self._metadata: ObjectMetaArgsDict = {"namespace": args.namespace, "labels": LABELS.metadata}

        password = generated_password(
            "postgresql-password", args.rotation, child_options(self, **stateful(args.protect))
        )
        self.database_url = _url(password)
        self.connection = self._connection_secret(password)
        self._stateful_set(self._volume())
        for name in (SERVICE, PODS_SERVICE):
            service(
                name,
                in_namespace=args.namespace,
                labels=LABELS,
                port_name="postgresql",
                port=PORT,
                headless=name == PODS_SERVICE,
                opts=child_options(self),
            )
        disruption_budget("postgres", in_namespace=args.namespace, labels=LABELS, opts=child_options(self))
        self.register_outputs({"database_url": self.database_url})

    def _connection_secret(self, password: Output[str]) -> ConnectionSecret:
        contents = {
            "database-url": self.database_url,
            "client-url": Output.concat(self.database_url, "?", urlencode(CLIENT_PARAMETERS)),
            "password": password,
        }
        secret = k8s.core.v1.Secret(
            "postgresql-secret",
            metadata={"name": "postgresql-secret", **self._metadata},
            string_data=contents,
            opts=child_options(self),
        )
        return ConnectionSecret(name="postgresql-secret", checksum=checksum(contents), resource=secret)

    def _volume(self) -> k8s.core.v1.PersistentVolumeClaim:
        storage = self._args.settings.storage
        # Not a claim template: a larger size would replace the StatefulSet and still not grow the volume
        # (docs/decisions/0003-database-volume.md).
        return k8s.core.v1.PersistentVolumeClaim(
            "postgres-data",
            metadata={"name": "postgres-data", **self._metadata},
            spec={
                "access_modes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": storage.size}},
                **({"storage_class_name": storage.class_name} if storage.class_name else {}),
            },
            opts=child_options(self, **stateful(self._args.protect)),
        )

    def _stateful_set(self, volume: k8s.core.v1.PersistentVolumeClaim) -> None:
        configuration = {
            "postgresql.conf": postgresql_conf(self._args.settings),
            "pg_hba.conf": pg_hba_conf(USER, DATABASE),
            "prepare.sh": PREPARE_SCRIPT,
        }
        conf = k8s.core.v1.ConfigMap(
            "postgres-conf",
            metadata={"name": "postgres-conf", **self._metadata},
            data=configuration,
            opts=child_options(self),
        )
        account = service_account(
            "postgres", in_namespace=self._args.namespace, labels=LABELS, opts=child_options(self)
        )
        policy = network_policy(
            "postgres",
            in_namespace=self._args.namespace,
            labels=LABELS.metadata,
            selector=LABELS.selector,
            ingress=[allow_from([pods(client) for client in self._args.clients], PORT)],
            egress=[],
            opts=child_options(self),
        )
        data = remember(REMEMBERED, stored_data(self._args.settings.image), refused_image, child_options(self))
        k8s.apps.v1.StatefulSet(
            "postgres",
            metadata={"name": "postgres", **self._metadata},
            spec={
                "replicas": 1,
                "service_name": PODS_SERVICE,
                "revision_history_limit": 2,
                "selector": {"match_labels": LABELS.selector},
                "template": {
                    "metadata": {
                        "labels": LABELS.metadata,
                        "annotations": {
                            "checksum/secret": self.connection.checksum,
                            "checksum/config": checksum(configuration),
                        },
                    },
                    "spec": self._pod(),
                },
            },
            opts=child_options(self, depends_on=[self.connection.resource, volume, conf, account, policy, data]),
        )

    def _pod(self) -> PodSpecArgsDict:
        shared_memory = f"{self._args.settings.memory.shared_memory}Mi"
        return {
            "service_account_name": "postgres",
            "automount_service_account_token": False,
            "enable_service_links": False,
            "security_context": pod_security_context(),
            # SIGINT, the image's stop signal, is a fast shutdown; the checkpoint of a busy server takes its time.
            "termination_grace_period_seconds": 120,
            "init_containers": [self._prepare()],
            "containers": [self._server()],
            "volumes": [
                {"name": "data", "persistent_volume_claim": {"claim_name": "postgres-data"}},
                {"name": "conf", "config_map": {"name": "postgres-conf"}},
                {
                    "name": "password",
                    "secret": {
                        "secret_name": "postgresql-secret",
                        "items": [{"key": "password", "path": "password"}],
                        "default_mode": 0o440,
                    },
                },
                {"name": "run", "empty_dir": {"size_limit": "16Mi"}},
                {"name": "tmp", "empty_dir": {"size_limit": "256Mi"}},
                {"name": "shared-memory", "empty_dir": {"medium": "Memory", "size_limit": shared_memory}},
            ],
        }

    def _prepare(self) -> ContainerArgsDict:
        return {
            "name": "prepare",
            "image": self._args.settings.image,
            "image_pull_policy": "IfNotPresent",
            "command": ["sh", "/etc/postgresql/prepare.sh"],
            "env": [
                {"name": "PGDATA", "value": DATA_DIRECTORY},
                {"name": "POSTGRES_USER", "value": USER},
                {"name": "POSTGRES_DB", "value": DATABASE},
                {"name": "PASSWORD_FILE", "value": "/run/secrets/postgresql/password"},
            ],
            "resources": resource_requirements(self._args.settings.container_resources()),
            "security_context": container_security_context(),
            "volume_mounts": [
                *_MOUNTS,
                {"name": "password", "mount_path": "/run/secrets/postgresql", "read_only": True},
            ],
        }

    def _server(self) -> ContainerArgsDict:
        # Over TCP: while `prepare` works there is only its private socket.
        ready = ["pg_isready", "-h", "127.0.0.1", "-p", str(PORT), "-U", USER, "-d", DATABASE, "-t", "3"]
        # 1: the server answers, and rejects connections for now. That is recovery after the crash of one of its
        # processes, which a restart would only begin again: https://www.postgresql.org/docs/17/app-pg-isready.html
        alive = ["sh", "-c", f"{' '.join(ready)} || [ $? -eq 1 ]"]
        return {
            "name": "postgres",
            "image": self._args.settings.image,
            "image_pull_policy": "IfNotPresent",
            "command": ["postgres", "-c", f"config_file={CONFIG_FILE}"],
            "ports": [{"name": "postgresql", "container_port": PORT, "protocol": "TCP"}],
            "resources": resource_requirements(self._args.settings.container_resources()),
            # Recovery after a crash replays the log first: ten minutes before the kubelet gives up.
            "startup_probe": exec_probe(ready, period_seconds=2, failure_threshold=300),
            "readiness_probe": exec_probe(ready, period_seconds=5, failure_threshold=2),
            "liveness_probe": exec_probe(alive, period_seconds=20, failure_threshold=6),
            "security_context": container_security_context(),
            "volume_mounts": [
                *_MOUNTS,
                {"name": "shared-memory", "mount_path": "/dev/shm"},
            ],
        }


_MOUNTS: list[VolumeMountArgsDict] = [
    {"name": "data", "mount_path": DATA_VOLUME},
    {"name": "conf", "mount_path": "/etc/postgresql", "read_only": True},
    {"name": "run", "mount_path": SOCKET_DIRECTORY},
    {"name": "tmp", "mount_path": "/tmp"},
]


def _url(password: Output[str]) -> Output[str]:
    quoted = password.apply(lambda plain: quote(plain, safe=""))
    return Output.secret(Output.concat(f"postgresql://{USER}:", quoted, f"@{SERVICE}:{PORT}/{DATABASE}"))
