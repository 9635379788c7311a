"""The pod of a web replica: the container that brings the database up to date, the one that serves, their volumes."""

from collections.abc import Mapping

from pulumi_kubernetes.core.v1 import (
    ContainerArgsDict,
    EnvVarArgsDict,
    KeyToPathArgsDict,
    PodSpecArgsDict,
    TopologySpreadConstraintArgsDict,
    VolumeArgsDict,
    VolumeMountArgsDict,
)

from ..blocks.connection import AUTHORITY_DIRECTORY
from ..blocks.container_resources import resource_requirements
from ..blocks.labels import Labels
from ..blocks.pod_security import container_security_context, pod_security_context
from ..blocks.probes import http_probe
from .deadlines import STARTUP_PERIOD_SECONDS, STARTUP_SECONDS
from .environment import DATA_DIRECTORY, STATIC_DIRECTORY
from .settings import OpenWebUISettings
from .startup_scripts import SCRIPTS_MOUNT, SCRIPTS_VARIABLE, script_command, script_container, scripts_volume
from .termination import GRACEFUL_SHUTDOWN_SECONDS, PRE_STOP_SECONDS, grace_seconds

PORT = 8080
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
    files: Mapping[str, str],
    authority: str | None,
) -> PodSpecArgsDict:
    """Spec of the pod.

    Args:
        settings: the component's settings.
        labels: labels of the pods, for spreading them.
        serve: environment of the container that serves.
        migrate: environment of the container that migrates before it.
        redis: variables that lead to Redis, for the container that waits until it takes the credentials.
        files: the scripts of the init containers.
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
            _script("wait_for_redis", settings, redis, _authority_mount(authority)),
            _script("migrate", settings, migrate, [*_mounts(settings), *_authority_mount(authority)]),
        ],
        "containers": [_serve(settings, serve, authority)],
        "volumes": [*_volumes(settings, authority), scripts_volume(files)],
    }


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


def _script(
    name: str, settings: OpenWebUISettings, environment: list[EnvVarArgsDict], mounts: list[VolumeMountArgsDict]
) -> ContainerArgsDict:
    return script_container(
        name,
        image=settings.image,
        environment=environment,
        resources=resource_requirements(settings.resources.as_kubernetes()),
        mounts=mounts,
    )


def _serve(settings: OpenWebUISettings, environment: list[EnvVarArgsDict], authority: str | None) -> ContainerArgsDict:
    return {
        "name": "open-webui",
        "image": settings.image,
        "image_pull_policy": "IfNotPresent",
        "command": _server(settings.drain_seconds),
        "env": [*environment, SCRIPTS_VARIABLE],
        "ports": [{"name": "http", "container_port": PORT, "protocol": "TCP"}],
        "resources": resource_requirements(settings.resources.as_kubernetes()),
        # The port opens when the start is complete.
        "startup_probe": http_probe(
            "/health",
            port="http",
            period_seconds=STARTUP_PERIOD_SECONDS,
            failure_threshold=STARTUP_SECONDS // STARTUP_PERIOD_SECONDS,
        ),
        # Asks the database, not Redis: without Redis there is no pod that could serve better (`/ready` would take all).
        "readiness_probe": http_probe("/health/db", port="http", period_seconds=5, failure_threshold=3),
        # Asks nothing. A black-holed Redis can hold the event loop for a while: restarting would not help.
        "liveness_probe": http_probe("/health", port="http", period_seconds=20, failure_threshold=6),
        "lifecycle": {"pre_stop": {"sleep": {"seconds": PRE_STOP_SECONDS}}},
        "security_context": container_security_context(),
        "volume_mounts": [*_mounts(settings), SCRIPTS_MOUNT, *_authority_mount(authority)],
    }


def _server(drain_seconds: int) -> list[str]:
    # What the image's start script does at its end, without a shell in between that keeps the stop signal to itself.
    # After that signal the server drains before it stops.
    # fmt: off
    return [
        *script_command("serve"), str(drain_seconds),
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
    ]
    if settings.uploads.kind == "volume":
        volumes.append({"name": "uploads", "persistent_volume_claim": {"claim_name": UPLOADS_CLAIM}})
    if authority:
        # The authority alone, not the key that may be beside it.
        items: list[KeyToPathArgsDict] = [{"key": "ca.crt", "path": "ca.crt"}]
        volumes.append({"name": "redis-ca", "secret": {"secret_name": authority, "items": items}})
    return volumes
