"""The pod of a web replica: the container that migrates the database, the container that serves, and their volumes."""

from collections.abc import Mapping, Sequence

from pulumi_kubernetes.core.v1 import (
    ContainerArgsDict,
    EnvVarArgsDict,
    PodSpecArgsDict,
    TopologySpreadConstraintArgsDict,
    VolumeArgsDict,
    VolumeMountArgsDict,
)

from ..blocks.authority import Authority
from ..blocks.pod import (
    authority_mounts,
    authority_volumes,
    claim_volume,
    container_port,
    restricted_container,
    restricted_pod,
    spread,
)
from ..blocks.probes import http_probe
from .deadlines import STARTUP_PERIOD_SECONDS, STARTUP_SECONDS
from .environment import DATA_DIRECTORY, STATIC_DIRECTORY
from .names import APP, LABELS, PORT, PORT_NAME, VOLUME_CLAIM
from .settings import OpenWebUISettings
from .startup_scripts import (
    BYTECODE_MOUNT,
    BYTECODE_VARIABLE,
    BYTECODE_VOLUME,
    SCRIPTS_MOUNT,
    SCRIPTS_VARIABLE,
    script_command,
    script_container,
    scripts_volume,
)
from .termination import GRACEFUL_SHUTDOWN_SECONDS, PRE_STOP_SECONDS, grace_seconds

# The image's files belong to group 0 and are writable by it.
IMAGE_GROUP = 0


def pod(
    settings: OpenWebUISettings,
    *,
    serve: list[EnvVarArgsDict],
    migrate: list[EnvVarArgsDict],
    files: Mapping[str, str],
    redis_authority: Authority | None,
    database_authorities: Sequence[Authority],
) -> PodSpecArgsDict:
    """Spec of the pod.

    Args:
        settings: the component's settings.
        serve: environment of the container that serves.
        migrate: environment of the container that migrates before it.
        files: the scripts of the init containers.
        redis_authority: the certificate authority of Redis; None for none.
        database_authorities: those of the database.
    """
    authorities = [*([redis_authority] if redis_authority else []), *database_authorities]
    return restricted_pod(
        APP,
        {
            "termination_grace_period_seconds": grace_seconds(settings.drain_seconds),
            "topology_spread_constraints": _spread(),
            "init_containers": [
                _script("migrate", settings, migrate, [*_mounts(settings), *authority_mounts(authorities)]),
            ],
            "containers": [_serve(settings, serve, authorities)],
            "volumes": [*_volumes(settings), *authority_volumes(authorities), scripts_volume(files)],
        },
        group=IMAGE_GROUP,
    )


def _spread() -> list[TopologySpreadConstraintArgsDict]:
    # Only pods of one revision count: the old pods of a rolling update must not affect the placement of the new ones.
    return [{**constraint, "match_label_keys": ["pod-template-hash"]} for constraint in spread(LABELS)]


def _script(
    name: str, settings: OpenWebUISettings, environment: list[EnvVarArgsDict], mounts: list[VolumeMountArgsDict]
) -> ContainerArgsDict:
    return script_container(
        name,
        image=settings.image,
        environment=[*environment, BYTECODE_VARIABLE],
        resources=settings.resources.as_kubernetes(),
        mounts=[*mounts, BYTECODE_MOUNT],
    )


def _serve(
    settings: OpenWebUISettings, environment: list[EnvVarArgsDict], authorities: Sequence[Authority]
) -> ContainerArgsDict:
    return restricted_container(
        {
            "name": APP,
            "image": settings.image,
            "command": _server(settings.drain_seconds),
            "env": [*environment, SCRIPTS_VARIABLE, BYTECODE_VARIABLE],
            "ports": [container_port(PORT_NAME, PORT)],
            # The port opens when the start is complete.
            "startup_probe": http_probe(
                "/health",
                port=PORT_NAME,
                period_seconds=STARTUP_PERIOD_SECONDS,
                failure_threshold=STARTUP_SECONDS // STARTUP_PERIOD_SECONDS,
            ),
            # It checks the database and not Redis: without Redis all pods are equally affected, and `/ready` would
            # remove all of them from the Service.
            "readiness_probe": http_probe("/health/db", port=PORT_NAME, period_seconds=5, failure_threshold=3),
            # It depends on nothing. A Redis that drops packets can hold up the event loop for a while: a restart would
            # not help.
            "liveness_probe": http_probe("/health", port=PORT_NAME, period_seconds=20, failure_threshold=6),
            "lifecycle": {"pre_stop": {"sleep": {"seconds": PRE_STOP_SECONDS}}},
            "volume_mounts": [*_mounts(settings), SCRIPTS_MOUNT, BYTECODE_MOUNT, *authority_mounts(authorities)],
        },
        settings.resources.as_kubernetes(),
    )


def _server(drain_seconds: int) -> list[str]:
    # What the image's start script does at its end, without a shell in between that keeps the stop signal to itself.
    # After that signal the server drains before it stops.
    # fmt: off
    return [
        *script_command("serve"), str(drain_seconds),
        "open_webui.main:app", "--host", "0.0.0.0", "--port", str(PORT),
        # Only the ingress controller can connect, so the pods trust the addresses that it forwards.
        "--forwarded-allow-ips", "*",
        # More processes would multiply memory and connections behind one probe; pods are the unit of scale.
        "--workers", "1",
        # Without it uvicorn waits for open responses without a limit, and the kubelet kills it during a response.
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
        mount: VolumeMountArgsDict = {"name": "uploads", "mount_path": f"{DATA_DIRECTORY}/uploads"}
        path = settings.uploads.volume.sub_path
        mounts.append({**mount, "sub_path": path} if path else mount)
    return mounts


def _volumes(settings: OpenWebUISettings) -> list[VolumeArgsDict]:
    volumes: list[VolumeArgsDict] = [
        {"name": "data", "empty_dir": {}},
        {"name": "static", "empty_dir": {"size_limit": "64Mi"}},
        {"name": "tmp", "empty_dir": {}},
        BYTECODE_VOLUME,
    ]
    if settings.uploads.kind == "volume":
        volumes.append(claim_volume("uploads", settings.uploads.volume.existing_claim or VOLUME_CLAIM))
    return volumes
