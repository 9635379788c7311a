"""What the CronJob of the backups says about them. Needs no running container."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from components.backup.schedule import cron_error, oldest_backup

from .stack import PART_OF, Stack


@dataclass(frozen=True, kw_only=True)
class BackupState:
    """The scheduled backups. A Job succeeds only when it has proved its dump, so its success is that of a proof."""

    oldest: int | None
    """Seconds after which the newest backup is too old, by the rule of the alerts; None if the schedule is unknown."""

    due: datetime | None
    """When the last scheduled run began."""

    succeeded: datetime | None
    """When the last successful run ended, scheduled or manual."""

    created: datetime | None
    """When the backups were turned on."""

    is_running: bool
    is_suspended: bool

    @property
    def failed(self) -> bool:
        """Whether the last scheduled run failed."""
        if self.due is None or self.is_running:
            return False
        return self.succeeded is None or self.due > self.succeeded


def backup_state(stack: Stack) -> BackupState | None:
    """The scheduled backups; None if there are none.

    Raises:
        KubectlError: the cluster does not answer.
    """
    items = stack.kubectl.get("cronjobs", "-l", PART_OF)["items"]
    if not items:
        return None
    spec, status = items[0].get("spec") or {}, items[0].get("status") or {}
    return BackupState(
        oldest=_oldest(spec),
        due=time_of(status.get("lastScheduleTime")),
        succeeded=time_of(status.get("lastSuccessfulTime")),
        created=time_of(items[0].get("metadata", {}).get("creationTimestamp")),
        is_running=bool(status.get("active")),
        is_suspended=bool(spec.get("suspend")),
    )


def _oldest(spec: dict[str, Any]) -> int | None:
    schedule = str(spec.get("schedule", ""))
    return None if cron_error(schedule) else oldest_backup(schedule)


def time_of(text: str | None) -> datetime | None:
    """A time that the API server wrote, in UTC; None for none."""
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def shown(time: datetime) -> str:
    """A time as the API server writes it: ``2026-01-02T02:30:00Z``."""
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"
