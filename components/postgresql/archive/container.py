"""The archive container beside the server, and what the server's own containers need for it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from pulumi_kubernetes.core.v1 import (
    ContainerArgsDict,
    EnvVarArgsDict,
    PodSpecArgsDict,
    VolumeArgsDict,
    VolumeMountArgsDict,
)

from ...blocks.bucket_access import BucketAccess
from ...blocks.destinations import is_inside
from ...blocks.outside_connections import private_authorities, proxy_variables
from ...blocks.pod import plain_variables, restricted_container
from ...blocks.probes import exec_probe
from ...blocks.quantities import quantity
from ..configuration import CONFIGURATION_DIRECTORY, DATA_DIRECTORY, DATA_VOLUME, SOCKET_DIRECTORY
from ..settings import PostgreSQLSettings
from .names import ARCHIVE_CONFIG_MAP, CONTAINER
from .server_parameters import EXCHANGE, SCRIPTS
from .settings import archive_resources

_PACKAGE = "archive"
_FILES = Path(__file__).with_name("files")

FILES = {file.name: file.read_text() for file in sorted(_FILES.iterdir()) if file.suffix in (".py", ".sh")}
"""Scripts of the ConfigMap: the Python package of the archive container, and the shell scripts of the server's."""


def with_archive(spec: PodSpecArgsDict, settings: PostgreSQLSettings, bucket: BucketAccess) -> PodSpecArgsDict:
    """The server's pod with the archive container.

    Args:
        spec: spec of the pod without this container.
        settings: of PostgreSQL, whose archive is on.
        bucket: access to the bucket.
    """
    mounts: list[VolumeMountArgsDict] = [
        {"name": "exchange", "mount_path": EXCHANGE},
        {"name": "archive-scripts", "mount_path": SCRIPTS, "read_only": True},
    ]
    # Input types of Pulumi; the values are plain ones of `pod`.
    plain: Any = spec
    [server, *others] = plain["containers"]
    whole: dict[str, Any] = {
        **plain,
        # The private server of an init container must not recycle segments that are not in the bucket yet.
        "init_containers": [
            *(
                each if "restart_policy" in each else _with(each, [], {"ARCHIVE_MODE": "on"})
                for each in plain["init_containers"]
            ),
            _archive_container(settings, bucket),
        ],
        "containers": [_with(server, mounts, {"EXCHANGE": EXCHANGE}), *others],
        "volumes": [*plain["volumes"], *_volumes(settings, bucket)],
    }
    return cast(PodSpecArgsDict, whole)


def _with(container: dict[str, Any], mounts: list[VolumeMountArgsDict], variables: Mapping[str, str]) -> dict[str, Any]:
    return {
        **container,
        "env": [*container.get("env", ()), *plain_variables(variables)],
        "volume_mounts": [*container["volume_mounts"], *mounts],
    }


def _archive_container(settings: PostgreSQLSettings, bucket: BucketAccess) -> ContainerArgsDict:
    archive, pods = settings.archive, settings.pods
    _, mounts, authorities = private_authorities(pods.ca_bundle)
    inside = [each.host for _, each in settings.archive_services if is_inside(each)]
    variables: dict[str, str | int] = {
        "PYTHONPATH": SCRIPTS,
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": "/tmp",
        "PGDATA": DATA_DIRECTORY,
        "SOCKET_DIRECTORY": SOCKET_DIRECTORY,
        "EXCHANGE": EXCHANGE,
        **bucket.variables(),
        "BASE_BACKUP_HOURS": archive.base_backup_hours,
        "RETENTION_DAYS": archive.retention_days,
        "PENDING_LIMIT": int(quantity(archive.pending(settings.storage.size))),
        **({"PRIVATE_AUTHORITIES": authorities} if authorities else {}),
    }
    return restricted_container(
        {
            "name": CONTAINER,
            # A sidecar: it starts before the server and ends after it, so that the last segment gets into the bucket.
            # https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
            "restart_policy": "Always",
            "image": archive.image,
            "command": ["python3", "-m", f"{_PACKAGE}.agent"],
            "env": [*plain_variables(variables), *cast(list[EnvVarArgsDict], proxy_variables(pods.proxy, inside))],
            # If the container hangs, the WAL grows until the volume is full.
            "liveness_probe": exec_probe(
                ["python3", "-m", f"{_PACKAGE}.alive"], period_seconds=30, failure_threshold=4
            ),
            "volume_mounts": [
                {"name": "data", "mount_path": DATA_VOLUME, "read_only": True},
                # A base backup has the configuration as well, at the paths that the server names.
                {"name": "conf", "mount_path": CONFIGURATION_DIRECTORY, "read_only": True},
                {"name": "run", "mount_path": SOCKET_DIRECTORY},
                {"name": "exchange", "mount_path": EXCHANGE},
                {"name": "archive-scripts", "mount_path": f"{SCRIPTS}/{_PACKAGE}", "read_only": True},
                *bucket.mounts(),
                *cast(list[VolumeMountArgsDict], mounts),
                {"name": "archive-tmp", "mount_path": "/tmp"},
            ],
        },
        archive_resources(),
    )


def _volumes(settings: PostgreSQLSettings, bucket: BucketAccess) -> list[VolumeArgsDict]:
    authorities, _, _ = private_authorities(settings.pods.ca_bundle)
    return [
        # Requests, and the segments that a recovery downloads ahead.
        {"name": "exchange", "empty_dir": {"size_limit": "512Mi"}},
        {"name": "archive-scripts", "config_map": {"name": ARCHIVE_CONFIG_MAP}},
        *bucket.volumes(),
        *cast(list[VolumeArgsDict], authorities),
        # Parts of a base backup that are being uploaded.
        {"name": "archive-tmp", "empty_dir": {"size_limit": "1Gi"}},
    ]
