"""The pod of PgBouncer, and the container that makes it read renewed certificates."""

from collections.abc import Sequence
from dataclasses import dataclass

from pulumi_kubernetes.core.v1 import ContainerArgsDict, PodSpecArgsDict

from ...blocks.authority import Authority
from ...blocks.pod import (
    authority_mounts,
    authority_volumes,
    container_port,
    plain_variables,
    restricted_container,
    restricted_pod,
    secret_volume,
    spread,
)
from ...blocks.probes import exec_probe
from ...blocks.server_certificate import tls_mount, tls_volume
from ..names import CLIENT_USERS, DATABASE, PORT
from ..tls_settings import PostgreSQLTlsSettings
from .configuration import CONFIG_FILE, CONFIGURATION_DIRECTORY, SECRET_DIRECTORY, SOCKET_DIRECTORY, TLS_DIRECTORY
from .monitoring.exporter import pooler_exporter
from .names import LABELS, POOLER, SERVER_FILE, USERS_FILE
from .sizes import pooler_resources, reload_resources

RELOAD_SCRIPT = "reload.sh"

PRE_STOP_SECONDS = 10
"""Before SIGTERM: PgBouncer then refuses new connections, and every proxy has to know that the pod is leaving."""

GRACE_SECONDS = 130
"""With `RECYCLE_SECONDS` of the clients' pools: a connection that is in use moves to another pod before the end."""

RECYCLE_SECONDS = 60
"""How old a connection of a client's pool becomes."""


@dataclass(frozen=True, kw_only=True)
class PodArgs:
    """What the pod depends on."""

    image: str
    clients: int
    """``max_client_conn``."""

    tls: PostgreSQLTlsSettings
    """The certificate that clients see."""

    authorities: Sequence[Authority]
    """The authority of the server behind it; empty where it is not known."""

    exporter_image: str | None
    """None: no metrics."""


def pod(args: PodArgs) -> PodSpecArgsDict:
    """Spec of the pod."""
    return restricted_pod(
        POOLER,
        {
            "termination_grace_period_seconds": GRACE_SECONDS,
            "topology_spread_constraints": spread(LABELS),
            "init_containers": _reload(args),
            "containers": [
                _pgbouncer(args),
                *([pooler_exporter(image=args.exporter_image, tls=args.tls.enabled)] if args.exporter_image else []),
            ],
            "volumes": [
                {"name": "conf", "config_map": {"name": POOLER}},
                secret_volume("secret", POOLER, USERS_FILE, SERVER_FILE),
                {"name": "run", "empty_dir": {"size_limit": "1Mi"}},
                *tls_volume(args.tls, key=True),
                *authority_volumes(args.authorities),
            ],
        },
    )


def _pgbouncer(args: PodArgs) -> ContainerArgsDict:
    # As a user that it knows: any other one would be in the log each time.
    ready = ["pg_isready", "-q", "-h", "127.0.0.1", "-p", str(PORT), "-U", CLIENT_USERS[0], "-d", DATABASE, "-t", "3"]
    # Status 1: it answers and accepts nothing for now. A restart would end the sessions that it has.
    alive = ["sh", "-c", f"{' '.join(ready)} || [ $? -eq 1 ]"]
    return restricted_container(
        {
            "name": POOLER,
            "image": args.image,
            "command": ["pgbouncer", f"{CONFIGURATION_DIRECTORY}/{CONFIG_FILE}"],
            "ports": [container_port("postgresql", PORT)],
            # Not the server behind it: while that restarts, clients wait in a queue instead of being refused.
            "readiness_probe": exec_probe(ready, period_seconds=5, failure_threshold=2),
            "liveness_probe": exec_probe(alive, period_seconds=20, failure_threshold=6),
            # SIGTERM then lets it wait for its clients.
            "lifecycle": {"pre_stop": {"sleep": {"seconds": PRE_STOP_SECONDS}}},
            "volume_mounts": [
                {"name": "conf", "mount_path": CONFIGURATION_DIRECTORY, "read_only": True},
                {"name": "secret", "mount_path": SECRET_DIRECTORY, "read_only": True},
                {"name": "run", "mount_path": SOCKET_DIRECTORY},
                *tls_mount(args.tls, TLS_DIRECTORY),
                *authority_mounts(args.authorities),
            ],
        },
        pooler_resources(args.clients),
    )


def _reload(args: PodArgs) -> list[ContainerArgsDict]:
    """A sidecar; none without a certificate that can be renewed."""
    own = [f"{TLS_DIRECTORY}/tls.crt", f"{TLS_DIRECTORY}/tls.key"] if args.tls.enabled else []
    files = [*own, *(each.file for each in args.authorities)]
    if not files:
        return []
    variables = {"PGHOST": SOCKET_DIRECTORY, "PGPORT": str(PORT), "FILES": " ".join(files)}
    return [
        restricted_container(
            {
                "name": "reload",
                "image": args.image,
                "command": ["sh", f"{CONFIGURATION_DIRECTORY}/{RELOAD_SCRIPT}"],
                # A sidecar: starts before PgBouncer and ends after it.
                "restart_policy": "Always",
                "env": plain_variables(variables),
                "volume_mounts": [
                    {"name": "conf", "mount_path": CONFIGURATION_DIRECTORY, "read_only": True},
                    {"name": "run", "mount_path": SOCKET_DIRECTORY},
                    *tls_mount(args.tls, TLS_DIRECTORY),
                    *authority_mounts(args.authorities),
                ],
            },
            reload_resources(),
        )
    ]
