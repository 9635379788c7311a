"""An upgrade to another major version: the container of the old release, and the additions to the rest of the pod."""

from pathlib import Path

import pulumi
from pulumi_kubernetes.core.v1 import ContainerArgsDict, VolumeMountArgsDict

from ..blocks.pod import restricted_container
from .settings import PostgreSQLSettings

_FILES = Path(__file__).with_name("files")
SHARED_MEMORY_MOUNT: VolumeMountArgsDict = {"name": "shared-memory", "mount_path": "/dev/shm"}

_LONGEST_UPGRADE = "6h"
"""How long Pulumi waits for the pod: the time of a dump, a restore and the indexes of the vectors."""


def dump_container(settings: PostgreSQLSettings, prepare: ContainerArgsDict) -> list[ContainerArgsDict]:
    """The container that dumps the data with the programs of the release that wrote them; none without an upgrade.

    Args:
        settings: the component's settings.
        prepare: the container that follows it, whose volumes and variables it also gets.
    """
    if settings.upgrade.from_image is None:
        return []
    return [
        restricted_container(
            {
                **prepare,
                "name": "dump",
                "image": settings.upgrade.from_image,
                "command": ["sh", "/etc/postgresql/prepare.sh", "dump"],
            },
            settings.container_resources(),
        )
    ]


def shared_memory(settings: PostgreSQLSettings) -> list[VolumeMountArgsDict]:
    """The mount that the restored vectors' indexes are built in; none without an upgrade."""
    return [SHARED_MEMORY_MOUNT] if settings.upgrade.enabled else []


def variables(settings: PostgreSQLSettings) -> dict[str, str]:
    """Environment of the container `prepare` beside its usual one."""
    return {"UPGRADE_UNDO": str(settings.upgrade.undo)} if settings.upgrade.undo else {}


def timeouts(settings: PostgreSQLSettings) -> pulumi.CustomTimeouts | None:
    """How long Pulumi waits for the server; None for its usual time."""
    return pulumi.CustomTimeouts(update=_LONGEST_UPGRADE) if settings.upgrade.enabled else None
