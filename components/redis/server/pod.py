"""The pod of a Redis server: the server, what loads its users, optionally the exporter, and their volumes."""

from collections.abc import Mapping
from pathlib import Path

from pulumi_kubernetes.core.v1 import (
    ContainerArgsDict,
    ContainerPortArgsDict,
    EnvVarArgsDict,
    PodSpecArgsDict,
    ProbeArgsDict,
    TopologySpreadConstraintArgsDict,
    VolumeArgsDict,
    VolumeMountArgsDict,
)

from ...blocks.container_resources import resource_requirements
from ...blocks.labels import Labels
from ...blocks.pod_security import container_security_context, pod_security_context
from ...blocks.probes import exec_probe, tcp_probe
from ...blocks.quantities import mebibytes
from ..monitoring.exporter import exporter_container
from ..settings import RedisSettings
from ..topologies import cluster, sentinel
from ..topologies.sentinel import SENTINEL_PORT, sentinel_container
from .configuration import (
    CONFIGURATION_DIRECTORY,
    DATA_DIRECTORY,
    NODE_DIRECTORY,
    PORT,
    STATE_DIRECTORY,
    USERS_DIRECTORY,
    redis_conf,
)
from .container_sizes import reload_resources
from .tls import client_environment, own_client_options, tls_mount, tls_volume
from .users import SECRET

LABELS = Labels(app="redis", component="cache")
CONFIG_MAP = "redis-conf"
CLAIM = "redis-data"
# A server with a file writes it to the disk before it ends.
GRACE_SECONDS = 30

_RELOAD_USERS = Path(__file__).parent.parent / "files" / "reload-users.sh"


_GRACE_SECONDS = {"sentinel": sentinel.GRACE_SECONDS, "cluster": cluster.GRACE_SECONDS}


def configuration(settings: RedisSettings) -> Mapping[str, str]:
    """The files in the ConfigMap of the pods."""
    own = {"redis.conf": redis_conf(settings), _RELOAD_USERS.name: _RELOAD_USERS.read_text()}
    match settings.topology:
        case "sentinel":
            return {**own, **sentinel.sentinel_files()}
        case "cluster":
            return {**own, **cluster.cluster_files()}
    return own


def own_users(settings: RedisSettings) -> tuple[str, ...]:
    """Users of the pod's own containers."""
    replicated = ("replication", "probe") if settings.replicated else ()
    further = {"sentinel": ("sentinel",), "cluster": ("cluster", cluster.USER)}.get(settings.topology, ())
    certificates = ("certificates",) if settings.tls.enabled else ()
    return ("exporter", "reload", *replicated, *further, *certificates)


def pod(settings: RedisSettings, *, monitored: bool) -> PodSpecArgsDict:
    """Spec of the pod.

    Args:
        settings: the component's settings.
        monitored: whether redis_exporter runs beside the server.
    """
    replicated = settings.replicated
    containers = [_server(settings)]
    if settings.topology == "sentinel":
        containers.append(sentinel_container(settings, [*_MOUNTS, _STATE_MOUNT]))
    if monitored:
        containers.append(exporter_container(PORT, tls=settings.tls.enabled))
    return {
        "service_account_name": "redis",
        "automount_service_account_token": False,
        "enable_service_links": False,
        "security_context": pod_security_context(),
        "termination_grace_period_seconds": _GRACE_SECONDS.get(settings.topology, GRACE_SECONDS),
        "topology_spread_constraints": [_spread(key) for key in _SPREAD] if replicated else [],
        "init_containers": [_reload_users(settings)],
        "containers": containers,
        "volumes": [
            {"name": "conf", "config_map": {"name": CONFIG_MAP}},
            {"name": "acl", "secret": {"secret_name": SECRET, "default_mode": 0o440}},
            *_data_volume(settings),
            *(_STATE_VOLUME if replicated else []),
            *tls_volume(settings, key=True),
        ],
    }


def _spread(topology_key: str) -> TopologySpreadConstraintArgsDict:
    return {
        "topology_key": topology_key,
        "max_skew": 1,
        "when_unsatisfiable": "ScheduleAnyway",
        "label_selector": {"match_labels": LABELS.selector},
    }


_SPREAD = ("kubernetes.io/hostname", "topology.kubernetes.io/zone")


def _server(settings: RedisSettings) -> ContainerArgsDict:
    server = _standalone_server(settings)
    if not settings.replicated:
        return server
    of_cluster = settings.topology == "cluster"
    bus: list[ContainerPortArgsDict] = [{"name": "bus", "container_port": cluster.BUS_PORT, "protocol": "TCP"}]
    return {
        **server,
        "command": cluster.start_node() if of_cluster else sentinel.start_node(),
        "env": cluster.cluster_environment(settings) if of_cluster else sentinel.node_environment(settings),
        "ports": [_PORT, *(bus if of_cluster else [])],
        "lifecycle": cluster.hand_over() if of_cluster else sentinel.hand_over(),
        # It may have to wait for another node before it starts: up to an hour.
        "startup_probe": _ping(settings, "PONG|LOADING", period_seconds=1, failure_threshold=3600),
        "readiness_probe": exec_probe(_in_service(settings), period_seconds=2, failure_threshold=5),
        "volume_mounts": [*_MOUNTS, *_data_mount(settings), _STATE_MOUNT, *tls_mount(settings)],
    }


def _in_service(settings: RedisSettings) -> list[str]:
    # A replica without its master is not ready: the next pod of an update must not go before this one has the data.
    password = f'REDISCLI_AUTH="$(cat {USERS_DIRECTORY}/probe-password)"'
    return [
        "sh",
        "-c",
        f"{password} timeout 3 {_client(settings)} --user probe role | grep -Eqx 'master|connected'",
    ]


def _standalone_server(settings: RedisSettings) -> ContainerArgsDict:
    return {
        "name": "redis",
        "image": settings.container_image,
        "image_pull_policy": "IfNotPresent",
        "command": [f"{settings.engine}-server", f"{CONFIGURATION_DIRECTORY}/redis.conf"],
        "ports": [_PORT],
        "resources": resource_requirements(settings.container_resources()),
        # The client exits with 0 on errors too: the answer decides. A server that loads its file has started and is
        # alive, however long the file is; it is not ready.
        # Without a process in the container: a server that comes back is in service some tenths of a second earlier.
        "startup_probe": tcp_probe("redis", period_seconds=1, failure_threshold=60),
        "readiness_probe": _ping(settings, "PONG", period_seconds=2, failure_threshold=5),
        "liveness_probe": _ping(settings, "PONG|LOADING|BUSY", period_seconds=10, failure_threshold=6),
        "security_context": container_security_context(),
        "volume_mounts": [*_MOUNTS, *_data_mount(settings), *tls_mount(settings)],
    }


def _reload_users(settings: RedisSettings) -> ContainerArgsDict:
    return {
        "name": "reload-users",
        "image": settings.container_image,
        "image_pull_policy": "IfNotPresent",
        "command": ["sh", f"{CONFIGURATION_DIRECTORY}/{_RELOAD_USERS.name}"],
        # A sidecar: starts before the server and ends after it.
        "restart_policy": "Always",
        "env": _reload_environment(settings),
        "resources": resource_requirements(reload_resources()),
        "security_context": container_security_context(),
        "volume_mounts": [*_MOUNTS, *tls_mount(settings)],
    }


def _reload_environment(settings: RedisSettings) -> list[EnvVarArgsDict]:
    variables: list[EnvVarArgsDict] = [{"name": "CLIENT", "value": f"{settings.engine}-cli"}]
    if settings.topology == "sentinel":
        variables.append({"name": "SENTINEL_PORT", "value": str(SENTINEL_PORT)})
    return [*variables, *client_environment(settings, own=True)]


_PORT: ContainerPortArgsDict = {"name": "redis", "container_port": PORT, "protocol": "TCP"}
_MOUNTS: list[VolumeMountArgsDict] = [
    {"name": "conf", "mount_path": CONFIGURATION_DIRECTORY, "read_only": True},
    {"name": "acl", "mount_path": USERS_DIRECTORY, "read_only": True},
]
# Memory of the node, not its disk: the Sentinel's file has its password.
_STATE_VOLUME: list[VolumeArgsDict] = [{"name": "state", "empty_dir": {"medium": "Memory", "size_limit": "1Mi"}}]
_STATE_MOUNT: VolumeMountArgsDict = {"name": "state", "mount_path": STATE_DIRECTORY}


def _data_volume(settings: RedisSettings) -> list[VolumeArgsDict]:
    if settings.durability == "volume" and settings.replicated:
        return []  # from the claim template
    if settings.durability == "volume":
        return [{"name": "data", "persistent_volume_claim": {"claim_name": CLAIM}}]
    if settings.files_in_pod:
        return [{"name": "data", "empty_dir": {"size_limit": mebibytes(settings.files_in_pod)}}]
    return []


def _data_mount(settings: RedisSettings) -> list[VolumeMountArgsDict]:
    has_volume = settings.durability == "volume" or settings.files_in_pod
    mounts: list[VolumeMountArgsDict] = [{"name": "data", "mount_path": DATA_DIRECTORY}] if has_volume else []
    if settings.topology == "cluster" and settings.durability != "volume":
        mounts.append({"name": "node", "mount_path": NODE_DIRECTORY})
    return mounts


def _client(settings: RedisSettings) -> str:
    return f"{settings.engine}-cli {own_client_options(settings)}".rstrip()


def _ping(settings: RedisSettings, answers: str, *, period_seconds: int, failure_threshold: int) -> ProbeArgsDict:
    command = ["sh", "-c", f"timeout 3 {_client(settings)} ping | grep -Eq '{answers}'"]
    return exec_probe(command, period_seconds=period_seconds, failure_threshold=failure_threshold)
