"""The pod of a web replica: the container that brings the database up to date, the one that serves, their volumes."""

from pulumi_kubernetes.core.v1 import (
    ContainerArgsDict,
    EnvVarArgsDict,
    KeyToPathArgsDict,
    PodSpecArgsDict,
    TopologySpreadConstraintArgsDict,
    VolumeArgsDict,
    VolumeMountArgsDict,
)

from ..connection import AUTHORITY_DIRECTORY
from ..container_resources import resource_requirements
from ..labels import Labels
from ..pod_security import container_security_context, pod_security_context
from ..probes import http_probe
from .environment import DATA_DIRECTORY, STATIC_DIRECTORY
from .settings import OpenWebUISettings
from .termination import GRACEFUL_SHUTDOWN_SECONDS, PRE_STOP_SECONDS, grace_seconds

PORT = 8080
SCRIPTS_DIRECTORY = "/etc/open-webui"
UPLOADS_CLAIM = "open-webui-uploads"
# The image's files belong to group 0 and are writable by it.
IMAGE_GROUP = 0


def pod(
    settings: OpenWebUISettings,
    labels: Labels,
    *,
    serve: list[EnvVarArgsDict],
    migrate: list[EnvVarArgsDict],
    redis: list[EnvVarArgsDict],
    authority: str | None,
) -> PodSpecArgsDict:
    """Spec of the pod.

    Args:
        settings: the component's settings.
        labels: labels of the pods, for spreading them.
        serve: environment of the container that serves.
        migrate: environment of the container that migrates before it.
        redis: variables that lead to Redis, for the container that waits until it takes the credentials.
        authority: Secret with the certificate authority of Redis; None for none.
    """
    return {
        "service_account_name": "open-webui",
        "automount_service_account_token": False,
        "enable_service_links": False,
        "security_context": pod_security_context(group=IMAGE_GROUP),
        "termination_grace_period_seconds": grace_seconds(settings.drain_seconds),
        "topology_spread_constraints": [_spread("kubernetes.io/hostname", labels), _spread(_ZONE, labels)],
        "init_containers": [
            _wait_for_redis(settings, redis, authority),
            _migrate(settings, migrate, authority),
        ],
        "containers": [_serve(settings, serve, authority)],
        "volumes": _volumes(settings, authority),
    }


_SCRIPTS_MOUNT: VolumeMountArgsDict = {"name": "scripts", "mount_path": SCRIPTS_DIRECTORY, "read_only": True}
_ZONE = "topology.kubernetes.io/zone"


def _spread(topology_key: str, labels: Labels) -> TopologySpreadConstraintArgsDict:
    # Wished for, not demanded: on a single node or with a zone down the pods still run.
    return {
        "topology_key": topology_key,
        "max_skew": 1,
        "when_unsatisfiable": "ScheduleAnyway",
        "label_selector": {"match_labels": labels.selector},
        "match_label_keys": ["pod-template-hash"],
    }


def _wait_for_redis(
    settings: OpenWebUISettings, environment: list[EnvVarArgsDict], authority: str | None
) -> ContainerArgsDict:
    return {
        "name": "wait-for-redis",
        "image": settings.image,
        "image_pull_policy": "IfNotPresent",
        "command": ["python", f"{SCRIPTS_DIRECTORY}/wait_for_redis.py"],
        "env": environment,
        "resources": resource_requirements(settings.resources.as_kubernetes()),
        "security_context": container_security_context(),
        "volume_mounts": [_SCRIPTS_MOUNT, *_authority_mount(authority)],
    }


def _migrate(
    settings: OpenWebUISettings, environment: list[EnvVarArgsDict], authority: str | None
) -> ContainerArgsDict:
    return {
        "name": "migrate",
        "image": settings.image,
        "image_pull_policy": "IfNotPresent",
        "command": ["python", f"{SCRIPTS_DIRECTORY}/migrate.py"],
        "env": environment,
        "resources": resource_requirements(settings.resources.as_kubernetes()),
        "security_context": container_security_context(),
        "volume_mounts": [*_mounts(settings), _SCRIPTS_MOUNT, *_authority_mount(authority)],
    }


def _serve(settings: OpenWebUISettings, environment: list[EnvVarArgsDict], authority: str | None) -> ContainerArgsDict:
    return {
        "name": "open-webui",
        "image": settings.image,
        "image_pull_policy": "IfNotPresent",
        "command": _server(settings.drain_seconds),
        "env": environment,
        "ports": [{"name": "http", "container_port": PORT, "protocol": "TCP"}],
        "resources": resource_requirements(settings.resources.as_kubernetes()),
        # The port opens when the start is complete: five minutes for a slow node.
        "startup_probe": http_probe("/health", port="http", period_seconds=2, failure_threshold=150),
        # Asks the database, not Redis: without Redis there is no pod that could serve better (`/ready` would take all).
        "readiness_probe": http_probe("/health/db", port="http", period_seconds=5, failure_threshold=3),
        # Asks nothing. A black-holed Redis can hold the event loop for a while: restarting would not help.
        "liveness_probe": http_probe("/health", port="http", period_seconds=20, failure_threshold=6),
        "lifecycle": {"pre_stop": {"sleep": {"seconds": PRE_STOP_SECONDS}}},
        "security_context": container_security_context(),
        "volume_mounts": [*_mounts(settings), _SCRIPTS_MOUNT, *_authority_mount(authority)],
    }


def _server(drain_seconds: int) -> list[str]:
    # What the image's start script does at its end, without a shell in between that keeps the stop signal to itself.
    # After that signal the server drains before it stops.
    # fmt: off
    return [
        "python", f"{SCRIPTS_DIRECTORY}/serve.py", str(drain_seconds),
        "open_webui.main:app", "--host", "0.0.0.0", "--port", str(PORT),
        # Only the ingress controller can connect: the addresses that it forwards can be believed.
        "--forwarded-allow-ips", "*",
        # More processes would multiply memory and connections behind one probe; pods are the unit of scale.
        "--workers", "1",
        # Without it uvicorn waits for open responses without bound, and the kubelet kills it in the middle of one.
        "--timeout-graceful-shutdown", str(GRACEFUL_SHUTDOWN_SECONDS),
    ]
    # fmt: on


def _mounts(settings: OpenWebUISettings) -> list[VolumeMountArgsDict]:
    mounts: list[VolumeMountArgsDict] = [
        {"name": "data", "mount_path": DATA_DIRECTORY},
        {"name": "static", "mount_path": STATIC_DIRECTORY},
        {"name": "tmp", "mount_path": "/tmp"},
    ]
    if settings.uploads.kind == "volume":
        mounts.append({"name": "uploads", "mount_path": f"{DATA_DIRECTORY}/uploads"})
    return mounts


def _authority_mount(authority: str | None) -> list[VolumeMountArgsDict]:
    return [{"name": "redis-ca", "mount_path": AUTHORITY_DIRECTORY, "read_only": True}] if authority else []


def _volumes(settings: OpenWebUISettings, authority: str | None) -> list[VolumeArgsDict]:
    volumes: list[VolumeArgsDict] = [
        {"name": "data", "empty_dir": {}},
        {"name": "static", "empty_dir": {"size_limit": "64Mi"}},
        {"name": "tmp", "empty_dir": {}},
        {"name": "scripts", "config_map": {"name": "open-webui-migrate"}},
    ]
    if settings.uploads.kind == "volume":
        volumes.append({"name": "uploads", "persistent_volume_claim": {"claim_name": UPLOADS_CLAIM}})
    if authority:
        # The authority alone, not the key that may be beside it.
        items: list[KeyToPathArgsDict] = [{"key": "ca.crt", "path": "ca.crt"}]
        volumes.append({"name": "redis-ca", "secret": {"secret_name": authority, "items": items}})
    return volumes
