"""What CloudNativePG reports about its cluster: base backups, the archive, certificates."""

import re
from datetime import datetime
from typing import Any

from components.postgresql.archive.settings import oldest_base_backup
from components.postgresql.cloudnative_pg.names import CLUSTER, SCHEDULED_BACKUP

from ..deployed.backup_state import time_of
from ..deployed.stack import Stack
from .state import Archive, Certificate

_EVERY = re.compile(r"@every (\d+)h")
# Go's default format of a time, which the operator writes: 2026-02-05 10:12:34 +0000 UTC.
_EXPIRATION = "%Y-%m-%d %H:%M:%S %z"


def archive(stack: Stack, cluster: dict[str, Any]) -> Archive:
    """The archive of a `Cluster`, by its `Backup` objects.

    Raises:
        KubectlError: the cluster does not answer.
    """
    items = stack.kubectl.get("backups.postgresql.cnpg.io")["items"]
    ended: dict[str, list[datetime]] = {"completed": [], "failed": []}
    for item in items:
        status = item.get("status") or {}
        time = time_of(status.get("stoppedAt") or item["metadata"].get("creationTimestamp"))
        if item["spec"]["cluster"]["name"] == CLUSTER and time and status.get("phase") in ended:
            ended[status["phase"]].append(time)
    newest = max(ended["completed"], default=None)
    failed = max(ended["failed"], default=None)
    conditions = (cluster.get("status") or {}).get("conditions") or []
    return Archive(
        base_backup=newest,
        oldest=_oldest(stack),
        failing=failed is not None and (newest is None or failed > newest),
        waiting_segments=None,
        archiving=not any(each["type"] == "ContinuousArchiving" and each["status"] == "False" for each in conditions),
    )


def certificates(cluster: dict[str, Any]) -> list[Certificate]:
    """The certificates of a `Cluster`, with the ends that the operator reports."""
    expirations = ((cluster.get("status") or {}).get("certificates") or {}).get("expirations") or {}
    return [
        Certificate(name=f"PostgreSQL {secret}", begins=None, ends=_end(text))
        for secret, text in sorted(expirations.items())
    ]


def _oldest(stack: Stack) -> int | None:
    for item in stack.kubectl.get("scheduledbackups.postgresql.cnpg.io")["items"]:
        every = _EVERY.fullmatch(item["spec"]["schedule"])
        if item["metadata"]["name"] == SCHEDULED_BACKUP and every:
            return oldest_base_backup(int(every[1]))
    return None


def _end(text: str) -> datetime:
    return datetime.strptime(text.removesuffix(" UTC"), _EXPIRATION)
