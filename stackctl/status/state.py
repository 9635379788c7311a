"""What a look at a deployed stack has read. Plain values; times are in UTC."""

from dataclasses import dataclass
from datetime import datetime

from ..deployed.applications import Application
from ..deployed.topology import Topology


@dataclass(frozen=True, kw_only=True)
class Backup:
    """The backups in one place."""

    place: str
    """``volume`` or ``bucket``, as the backups record it; empty where only the CronJob could be read."""

    succeeded: datetime | None
    """When the newest proved backup ended."""

    failed: bool
    """Whether the last run failed, and none has succeeded since."""


@dataclass(frozen=True, kw_only=True)
class Backups:
    """The scheduled dumps."""

    places: tuple[Backup, ...]
    oldest: int | None
    """Seconds after which the newest backup is too old."""

    since: datetime | None
    """When they were turned on."""

    suspended: bool


@dataclass(frozen=True, kw_only=True)
class Archive:
    """The archive of the write-ahead log."""

    base_backup: datetime | None
    """When the newest base backup began (cloudnative-pg: ended)."""

    oldest: int | None
    """Seconds after which the newest base backup is too old."""

    failing: bool
    """Whether base backups fail."""

    waiting_segments: int | None
    """Segments that are not in the bucket yet; None if unknown."""

    archiving: bool = True
    """Whether the operator reports that segments are archived."""


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """A certificate of the stack."""

    name: str
    begins: datetime | None
    ends: datetime


@dataclass(frozen=True, kw_only=True)
class Volume:
    """The volume of PostgreSQL."""

    used: int
    """Bytes of its databases, its log and its temporary files."""

    size: int
    """Bytes that its PVC asks for."""


@dataclass(frozen=True, kw_only=True)
class State:
    """Everything that was read."""

    context: str | None
    namespace: str
    simulated: bool
    applications: tuple[Application, ...]
    servers: Topology
    backups: Backups | None
    """None without scheduled backups."""

    archive: Archive | None
    """None without an archive, or when nothing of it could be read."""

    certificates: tuple[Certificate, ...]
    volume: Volume | None
    """None when it could not be read, or there is none."""

    unread: tuple[str, ...]
    """Values that could not be read, each with the reason."""

    def application(self, app: str) -> Application | None:
        """The application with that label; None if the stack has none."""
        return next((each for each in self.applications if each.app == app), None)
