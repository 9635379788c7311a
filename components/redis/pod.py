"""The pod of a Redis server: the server, what loads its users, optionally the exporter, and their volumes."""

from collections.abc import Mapping
from pathlib import Path

from pulumi_kubernetes.core.v1 import (
    ContainerArgsDict,
    PodSpecArgsDict,
    ProbeArgsDict,
    VolumeArgsDict,
    VolumeMountArgsDict,
)

from ..container_resources import resource_requirements
from ..pod_security import container_security_context, pod_security_context
from ..probes import exec_probe
from ..quantities import mebibytes
from .configuration import CONFIGURATION_DIRECTORY, DATA_DIRECTORY, USERS_DIRECTORY, redis_conf
from .exporter import exporter_container
from .settings import RedisSettings, reload_resources
from .users import SECRET

PORT = 6379
CONFIG_MAP = "redis-conf"
CLAIM = "redis-data"
# A server with a file writes it to the disk before it ends.
GRACE_SECONDS = 30

_RELOAD_USERS = Path(__file__).with_name("reload-users.sh")


def configuration(settings: RedisSettings) -> Mapping[str, str]:
    """The files in the ConfigMap of the pods."""
    return {"redis.conf": redis_conf(settings), _RELOAD_USERS.name: _RELOAD_USERS.read_text()}


def pod(settings: RedisSettings, *, monitored: bool) -> PodSpecArgsDict:
    """Spec of the pod of a standalone server.

    Args:
        settings: the component's settings.
        monitored: whether redis_exporter runs beside the server.
    """
    return {
        "service_account_name": "redis",
        "automount_service_account_token": False,
        "enable_service_links": False,
        "security_context": pod_security_context(),
        "termination_grace_period_seconds": GRACE_SECONDS,
        "init_containers": [_reload_users(settings)],
        "containers": [_server(settings), *([exporter_container(PORT)] if monitored else [])],
        "volumes": [
            {"name": "conf", "config_map": {"name": CONFIG_MAP}},
            {"name": "acl", "secret": {"secret_name": SECRET, "default_mode": 0o440}},
            *_data_volume(settings),
        ],
    }


def _server(settings: RedisSettings) -> ContainerArgsDict:
    return {
        "name": "redis",
        "image": settings.container_image,
        "image_pull_policy": "IfNotPresent",
        "command": [f"{settings.engine}-server", f"{CONFIGURATION_DIRECTORY}/redis.conf"],
        "ports": [{"name": "redis", "container_port": PORT, "protocol": "TCP"}],
        "resources": resource_requirements(settings.container_resources()),
        # The client exits with 0 on errors too: the answer decides. A server that loads its file has started and is
        # alive, however long the file is; it is not ready.
        "startup_probe": _ping(settings, "PONG|LOADING", period_seconds=1, failure_threshold=60),
        "readiness_probe": _ping(settings, "PONG", period_seconds=2, failure_threshold=5),
        "liveness_probe": _ping(settings, "PONG|LOADING|BUSY", period_seconds=10, failure_threshold=6),
        "security_context": container_security_context(),
        "volume_mounts": [*_MOUNTS, *_data_mount(settings)],
    }


def _reload_users(settings: RedisSettings) -> ContainerArgsDict:
    return {
        "name": "reload-users",
        "image": settings.container_image,
        "image_pull_policy": "IfNotPresent",
        "command": ["sh", f"{CONFIGURATION_DIRECTORY}/{_RELOAD_USERS.name}"],
        # A sidecar: starts before the server and ends after it.
        "restart_policy": "Always",
        "env": [{"name": "CLIENT", "value": f"{settings.engine}-cli"}],
        "resources": resource_requirements(reload_resources()),
        "security_context": container_security_context(),
        "volume_mounts": [*_MOUNTS],
    }


_MOUNTS: list[VolumeMountArgsDict] = [
    {"name": "conf", "mount_path": CONFIGURATION_DIRECTORY, "read_only": True},
    {"name": "acl", "mount_path": USERS_DIRECTORY, "read_only": True},
]


def _data_volume(settings: RedisSettings) -> list[VolumeArgsDict]:
    if settings.durability == "volume":
        return [{"name": "data", "persistent_volume_claim": {"claim_name": CLAIM}}]
    if settings.files_in_pod:
        return [{"name": "data", "empty_dir": {"size_limit": mebibytes(settings.files_in_pod)}}]
    return []


def _data_mount(settings: RedisSettings) -> list[VolumeMountArgsDict]:
    return [{"name": "data", "mount_path": DATA_DIRECTORY}] if _data_volume(settings) else []


def _ping(settings: RedisSettings, answers: str, *, period_seconds: int, failure_threshold: int) -> ProbeArgsDict:
    command = ["sh", "-c", f"timeout 3 {settings.engine}-cli ping | grep -Eq '{answers}'"]
    return exec_probe(command, period_seconds=period_seconds, failure_threshold=failure_threshold)
