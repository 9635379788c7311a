"""The pod of PostgreSQL: the container that prepares the data directory, the server, the exporter, their volumes."""

from pulumi_kubernetes.core.v1 import ContainerArgsDict, PodSpecArgsDict, VolumeArgsDict, VolumeMountArgsDict

from ..blocks.pod import claim_volume, container_port, plain_variables, restricted_container, restricted_pod
from ..blocks.probes import exec_probe
from ..blocks.server_certificate import tls_mount, tls_volume
from . import upgrade
from .certificate_container import load_certificate
from .configuration import (
    CONFIG_FILE,
    CONFIGURATION_DIRECTORY,
    DATA_DIRECTORY,
    DATA_VOLUME,
    SOCKET_DIRECTORY,
    TLS_DIRECTORY,
)
from .monitoring.exporter import exporter_volume, server_exporter
from .names import APP, CONFIG_MAP, DATABASE, PORT, USER, VOLUME_CLAIM
from .roles_container import OWNER_FILE, ROLES_MOUNT, ROLES_VARIABLES, load_roles, roles_volume
from .settings import PostgreSQLSettings

_MOUNTS: list[VolumeMountArgsDict] = [
    {"name": "data", "mount_path": DATA_VOLUME},
    {"name": "conf", "mount_path": CONFIGURATION_DIRECTORY, "read_only": True},
    {"name": "run", "mount_path": SOCKET_DIRECTORY},
    {"name": "tmp", "mount_path": "/tmp"},
]


def pod(settings: PostgreSQLSettings, *, monitored: bool) -> PodSpecArgsDict:
    """Spec of the pod.

    Args:
        settings: those of PostgreSQL.
        monitored: whether an exporter runs beside the server.
    """
    prepare = _prepare(settings)
    containers: list[ContainerArgsDict] = [_server(settings)]
    volumes: list[VolumeArgsDict] = []
    if monitored:
        containers.append(server_exporter(image=settings.exporter_image, server_image=settings.image))
        volumes.append(exporter_volume())
    shared_memory = f"{settings.memory.shared_memory}Mi"
    return restricted_pod(
        APP,
        {
            # SIGINT, the image's stop signal, is a fast shutdown; the checkpoint of a busy server takes its time.
            "termination_grace_period_seconds": 120,
            "init_containers": [
                *upgrade.dump_container(settings, prepare),
                prepare,
                load_roles(settings.image),
                *load_certificate(settings),
            ],
            "containers": containers,
            "volumes": [
                claim_volume("data", VOLUME_CLAIM),
                {"name": "conf", "config_map": {"name": CONFIG_MAP}},
                roles_volume(),
                *tls_volume(settings.tls, key=True),
                {"name": "run", "empty_dir": {"size_limit": "16Mi"}},
                {"name": "tmp", "empty_dir": {"size_limit": "256Mi"}},
                {"name": "shared-memory", "empty_dir": {"medium": "Memory", "size_limit": shared_memory}},
                *volumes,
            ],
        },
    )


def _prepare(settings: PostgreSQLSettings) -> ContainerArgsDict:
    variables = {
        "PGDATA": DATA_DIRECTORY,
        "PASSWORD_FILE": OWNER_FILE,
        **ROLES_VARIABLES,
        **upgrade.variables(settings),
    }
    return restricted_container(
        {
            "name": "prepare",
            "image": settings.image,
            "command": ["sh", f"{CONFIGURATION_DIRECTORY}/prepare.sh"],
            "env": plain_variables(variables),
            "volume_mounts": [*_MOUNTS, ROLES_MOUNT, *upgrade.shared_memory(settings)],
        },
        settings.container_resources(),
    )


def _server(settings: PostgreSQLSettings) -> ContainerArgsDict:
    # Over TCP: while `prepare` works, the server listens on its private socket only.
    ready = ["pg_isready", "-h", "127.0.0.1", "-p", str(PORT), "-U", USER, "-d", DATABASE, "-t", "3"]
    # Status 1: the server answers and rejects connections for now. That is recovery after the crash of one of its
    # processes, and a restart would begin it again: https://www.postgresql.org/docs/17/app-pg-isready.html
    alive = ["sh", "-c", f"{' '.join(ready)} || [ $? -eq 1 ]"]
    return restricted_container(
        {
            "name": APP,
            "image": settings.image,
            "command": ["postgres", "-c", f"config_file={CONFIG_FILE}"],
            "ports": [container_port("postgresql", PORT)],
            # Recovery after a crash replays the WAL first: the kubelet waits for at most ten minutes.
            "startup_probe": exec_probe(ready, period_seconds=1, failure_threshold=600),
            "readiness_probe": exec_probe(ready, period_seconds=5, failure_threshold=2),
            "liveness_probe": exec_probe(alive, period_seconds=20, failure_threshold=6),
            "volume_mounts": [*_MOUNTS, upgrade.SHARED_MEMORY_MOUNT, *tls_mount(settings.tls, TLS_DIRECTORY)],
        },
        settings.container_resources(),
    )
