"""The pod of a Redis server: the server, its sidecars, the container that loads the users, and their volumes."""

from collections.abc import Mapping

from pulumi_kubernetes.core.v1 import (
    ContainerArgsDict,
    EnvVarArgsDict,
    PodSpecArgsDict,
    ProbeArgsDict,
    VolumeArgsDict,
    VolumeMountArgsDict,
)

from ...blocks.pod import claim_volume, container_port, restricted_container, restricted_pod, secret_volume, spread
from ...blocks.probes import exec_probe, tcp_probe
from ...blocks.quantities import mebibytes
from ...blocks.server_certificate import tls_mount, tls_volume
from ..monitoring.exporter import exporter_container
from ..names import APP, CONFIG_MAP, LABELS, USERS_SECRET
from ..settings import RedisSettings
from ..topologies.base import PodField, ServerTopology, Sidecar, pod_files
from .configuration import redis_conf
from .container_sizes import reload_resources
from .engines import formats_file
from .mounts import FILE_MOUNTS, STATE_MOUNT, STATE_VOLUME
from .places import (
    CONFIGURATION_DIRECTORY,
    DATA_DIRECTORY,
    MEMBER_DIRECTORY,
    PORT,
    TLS_DIRECTORY,
    USERS_DIRECTORY,
)

_RELOAD_SCRIPT = "reload-users.sh"
_CHECK_SCRIPT = "check-data.sh"
# Mount path of each volume.
_CLAIMED = {"data": DATA_DIRECTORY, "node": MEMBER_DIRECTORY}


def configuration(settings: RedisSettings, layout: ServerTopology) -> Mapping[str, str]:
    """The files in the ConfigMap of the pods."""
    check = {**pod_files(_CHECK_SCRIPT), "data-formats": formats_file()} if settings.durability == "volume" else {}
    return {"redis.conf": redis_conf(settings, layout), **pod_files(_RELOAD_SCRIPT), **layout.files, **check}


def pod(settings: RedisSettings, layout: ServerTopology, *, monitored: bool) -> PodSpecArgsDict:
    """Spec of the pod.

    Args:
        settings: the component's settings.
        layout: answers what differs.
        monitored: whether redis_exporter runs beside the server.
    """
    containers = [_server(settings, layout), *(_sidecar(settings, layout, each) for each in layout.sidecars)]
    if monitored:
        containers.append(exporter_container(PORT, image=settings.exporter_image, tls=settings.tls.enabled))
    return restricted_pod(
        APP,
        {
            "termination_grace_period_seconds": layout.grace_seconds,
            "topology_spread_constraints": spread(LABELS) if layout.replicated else [],
            "init_containers": [_reload_users(settings, layout)],
            "containers": containers,
            "volumes": [
                {"name": "conf", "config_map": {"name": CONFIG_MAP}},
                secret_volume("acl", USERS_SECRET),
                *_data_volume(settings, layout),
                *([STATE_VOLUME] if layout.replicated else []),
                *tls_volume(settings.tls, key=True),
            ],
        },
    )


def _server(settings: RedisSettings, layout: ServerTopology) -> ContainerArgsDict:
    server: ContainerArgsDict = {
        "name": APP,
        "image": settings.container_image,
        "command": _start(settings, layout),
        "ports": [container_port(name, number) for name, number in layout.server_ports.items()],
        # A probe without a process in the container: a restarted server is ready some tenths of a second earlier.
        "startup_probe": tcp_probe(APP, period_seconds=1, failure_threshold=60),
        # A server that hangs leaves its Service after about 6 s. New connections are then refused at once instead of
        # waiting for an answer; those that exist remain.
        "readiness_probe": _ping(settings, "PONG", seconds=2, period_seconds=2, failure_threshold=3),
        # A server that loads its file has started and is alive, however large the file is; it is not ready.
        "liveness_probe": _ping(settings, "PONG|LOADING|BUSY", period_seconds=10, failure_threshold=6),
        "volume_mounts": [
            *FILE_MOUNTS,
            *_data_mounts(settings, layout),
            *([STATE_MOUNT] if layout.replicated else []),
            *tls_mount(settings.tls, TLS_DIRECTORY),
        ],
    }
    if layout.server_variables:
        server["env"] = _environment(layout)
    if layout.stop_script:
        server["lifecycle"] = {"pre_stop": {"exec_": {"command": _script(layout.stop_script)}}}
    if layout.replicated:
        # It may wait for another server before it starts: up to an hour.
        server["startup_probe"] = _ping(settings, "PONG|LOADING", period_seconds=1, failure_threshold=3600)
        server["readiness_probe"] = exec_probe(_in_service(settings), period_seconds=2, failure_threshold=5)
    return restricted_container(server, settings.container_resources())


def _start(settings: RedisSettings, layout: ServerTopology) -> list[str]:
    start = [f"{settings.engine}-server", f"{CONFIGURATION_DIRECTORY}/redis.conf"]
    if layout.start_script:
        start = _script(layout.start_script)
    # Only data on a volume can be from another image, because it outlives the pod.
    return [*_script(_CHECK_SCRIPT), settings.engine, *start] if settings.durability == "volume" else start


def _script(name: str) -> list[str]:
    return ["sh", f"{CONFIGURATION_DIRECTORY}/{name}"]


def _environment(layout: ServerTopology) -> list[EnvVarArgsDict]:
    return [_variable(name, value) for name, value in layout.server_variables.items()]


def _variable(name: str, value: str | PodField) -> EnvVarArgsDict:
    if isinstance(value, PodField):
        return {"name": name, "value_from": {"field_ref": {"field_path": value.path}}}
    return {"name": name, "value": value}


def _in_service(settings: RedisSettings) -> list[str]:
    # A replica without its primary is not ready: an update waits with the next pod until this one has the data.
    password = f'REDISCLI_AUTH="$(cat {USERS_DIRECTORY}/probe-password)"'
    return [
        "sh",
        "-c",
        f"{password} timeout 3 {_client(settings)} --user probe role | grep -Eqx 'master|connected'",
    ]


def _sidecar(settings: RedisSettings, layout: ServerTopology, sidecar: Sidecar) -> ContainerArgsDict:
    ping = ["sh", "-c", f"timeout 3 {settings.engine}-cli -p {sidecar.port} ping | grep -q PONG"]
    return restricted_container(
        {
            "name": sidecar.name,
            "image": settings.container_image,
            "command": _script(sidecar.script),
            "env": _environment(layout),
            "ports": [container_port(sidecar.name, sidecar.port)],
            "readiness_probe": exec_probe(ping, period_seconds=5, failure_threshold=3),
            # It starts after its server, which may wait for another server: until then a restart would not help.
            "startup_probe": exec_probe(ping, period_seconds=2, failure_threshold=1800),
            "liveness_probe": exec_probe(ping, period_seconds=10, failure_threshold=6),
            "volume_mounts": [*FILE_MOUNTS, STATE_MOUNT],
        },
        sidecar.resources,
    )


def _reload_users(settings: RedisSettings, layout: ServerTopology) -> ContainerArgsDict:
    options = settings.tls.own_client_options
    variables = {
        "CLIENT": f"{settings.engine}-cli",
        **layout.reload_variables,
        **({"CLIENT_OPTIONS": options} if options else {}),
    }
    return restricted_container(
        {
            "name": "reload-users",
            "image": settings.container_image,
            "command": _script(_RELOAD_SCRIPT),
            # A sidecar: starts before the server and ends after it.
            "restart_policy": "Always",
            "env": [_variable(name, value) for name, value in variables.items()],
            "volume_mounts": [*FILE_MOUNTS, *tls_mount(settings.tls, TLS_DIRECTORY)],
        },
        reload_resources(),
    )


def _data_volume(settings: RedisSettings, layout: ServerTopology) -> list[VolumeArgsDict]:
    if settings.files_in_pod:
        return [{"name": "data", "empty_dir": {"size_limit": mebibytes(settings.files_in_pod)}}]
    return [claim_volume("data", claim) for claim in layout.claims]


def _data_mounts(settings: RedisSettings, layout: ServerTopology) -> list[VolumeMountArgsDict]:
    in_pod = ["data"] if settings.files_in_pod or layout.claims else []
    return [{"name": name, "mount_path": _CLAIMED[name]} for name in (*in_pod, *layout.claim_templates)]


def _client(settings: RedisSettings) -> str:
    return f"{settings.engine}-cli {settings.tls.own_client_options}".rstrip()


def _ping(
    settings: RedisSettings, answers: str, *, period_seconds: int, failure_threshold: int, seconds: int = 3
) -> ProbeArgsDict:
    # The client exits with 0 on errors too: the answer decides.
    command = ["sh", "-c", f"timeout {seconds} {_client(settings)} ping | grep -Eq '{answers}'"]
    return exec_probe(command, period_seconds=period_seconds, failure_threshold=failure_threshold)
