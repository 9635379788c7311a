"""Settings of the backups: plain, validated values."""

from collections.abc import Iterator

from pydantic import Field

from ..base_settings import Problem, Settings
from ..names import ObjectName
from ..quantities import MEBIBYTE, Bytes, Cores, quantity
from ..resources import Amounts, Resources
from .schedule import CronSchedule, TimeZone

LEAST_MEMORY = "256Mi"


class BackupRequests(Amounts):
    """What the scheduler reserves while a backup runs."""

    cpu: Cores = Field("100m", description="CPU in cores.")
    memory: Bytes = Field("256Mi", description="Memory in bytes.")
    ephemeral_storage: Bytes = Field("64Mi", description="Logs and sockets on the node's disk.")


class BackupLimits(Amounts):
    """What a backup cannot exceed."""

    cpu: Cores = Field("1", description="CPU in cores.")
    memory: Bytes = Field(
        "512Mi",
        description="Memory in bytes. A quarter is for building the indexes of the copy: more for many vectors.",
    )
    ephemeral_storage: Bytes = Field("256Mi", description="Logs and sockets on the node's disk.")


class BackupResources(Resources):
    """Requests and limits of the backup container."""

    requests: BackupRequests = Field(BackupRequests(), description="What the scheduler reserves.")
    limits: BackupLimits = Field(BackupLimits(), description="What the container cannot exceed.")


class BackupStorageSettings(Settings):
    """The volume of the dumps."""

    size: Bytes | None = Field(
        None,
        description="Size of the volume, at least `postgresql.storage.size`: it has the dumps, and during a backup a "
        "restored copy of the database. Default: twice `postgresql.storage.size`. Never shrinks.",
    )
    class_name: ObjectName | None = Field(
        None,
        description="StorageClass; one on other disks than the database's. Default: the cluster's default class.",
    )


class BackupSettings(Settings):
    """`backup` in the stack's config."""

    enabled: bool = Field(
        False, description="Dump the database on a schedule, and prove each dump by restoring it into a private server."
    )
    schedule: CronSchedule = Field("30 2 * * *", description="When, in the syntax of cron.")
    time_zone: TimeZone = Field("Etc/UTC", description="Time zone of `backup.schedule`.")
    keep: int = Field(
        7, ge=1, le=366, description="Dumps to keep. An older one is removed only after a newer one was proved."
    )
    storage: BackupStorageSettings = Field(BackupStorageSettings(), description="The volume of the dumps.")
    resources: BackupResources = Field(BackupResources(), description="Requests and limits of the container.")

    def problems(self) -> Iterator[Problem]:
        memory = self.resources.limits.memory
        if quantity(memory) < quantity(LEAST_MEMORY):
            yield Problem(
                keys=("resources.limits.memory",),
                message=f"resources.limits.memory {memory} is too little for the server that a dump is restored into",
                allowed=f"at least {LEAST_MEMORY}",
                example="512Mi",
            )

    @property
    def private_server_memory(self) -> str:
        """Memory of the private server's buffers, and of an index build, in the units of postgresql.conf."""
        return f"{int(quantity(self.resources.limits.memory)) // MEBIBYTE // 4}MB"
