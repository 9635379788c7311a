"""Settings of the backups: plain, validated values."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from ..blocks.base_settings import Fix, Problem, Settings
from ..blocks.cloud_identity import ServiceAccountSettings
from ..blocks.component_settings import ComponentSettings
from ..blocks.destinations import Destination, is_inside
from ..blocks.extra_settings import OutsideComponentPodSettings
from ..blocks.footprint import Footprint, Pods
from ..blocks.monitoring import MonitoringSettings
from ..blocks.names import ObjectName
from ..blocks.outside_settings import proxy_destinations
from ..blocks.quantities import MEBIBYTE, Bytes, quantity
from ..blocks.resources import Resources, Sizes
from ..postgresql.memory import Load, ServerMemory, least_limit, server_memory
from ..postgresql.monitoring.alerts import WatchedBackups
from .bucket_settings import BackupBucketSettings
from .schedule import CronSchedule, TimeZone, oldest_backup

PRIVATE_SERVER = Load(connections=10, queries=0, cores=1, autovacuum_workers=0, other_programs=64)
"""The memory that the private server needs: it restores the rows, then builds one index after the other. pg_dump or
pg_restore, and psql run beside it."""


_SIZES = Sizes(
    name="Backup",
    cpu=("100m", "1"),
    memory=("256Mi", "512Mi"),
    ephemeral_storage=("64Mi", "256Mi"),
    about={
        "limits.memory": "Memory in bytes. The private server uses the remaining memory to build the indexes of the "
        "copy: more memory is faster with many documents.",
        "ephemeral_storage": "Logs and sockets on the node's disk.",
    },
)


class BackupStorageSettings(Settings):
    """The volume of the dumps."""

    size: Bytes | None = Field(
        None,
        description="Size of the volume, at least `postgresql.storage.size`: it contains the dumps and, during a "
        "backup, a restored copy of the database. Default: twice `postgresql.storage.size`. Required "
        "with `postgresql.topology` "
        "`external`. Never shrinks.",
    )
    class_name: ObjectName | None = Field(
        None,
        description="StorageClass. Choose one on other disks than those of the database. Default: the cluster's "
        "default class.",
    )


class BackupSettings(ComponentSettings):
    """`backup` in the stack's config."""

    pods: OutsideComponentPodSettings = Field(
        OutsideComponentPodSettings(),
        description="How the pods of the backups fit into the cluster: the keys of `pods`, and extra volumes and "
        "containers. `proxy` and `caBundle` have an effect with `backup.s3.bucket`.",
    )
    enabled: bool = Field(
        False, description="Dump the database on a schedule, and prove each dump by restoring it into a private server."
    )
    schedule: CronSchedule = Field("30 2 * * *", description="Schedule of the backups, in the syntax of cron.")
    time_zone: TimeZone = Field("Etc/UTC", description="Time zone of `backup.schedule`.")
    keep: int = Field(
        7,
        ge=1,
        le=366,
        description="Dumps to keep. The backup removes an older dump only after it has proved a newer one.",
    )
    storage: BackupStorageSettings = Field(BackupStorageSettings(), description="The volume of the dumps.")
    s3: BackupBucketSettings = Field(
        BackupBucketSettings(),
        description="Bucket to which each backup copies the proved dump and the uploaded files. Without a bucket, "
        "dumps stay in the cluster.",
    )
    service_account: ServiceAccountSettings = Field(
        ServiceAccountSettings(), description="The identity of the backups at a cloud provider."
    )
    resources: Annotated[Resources, _SIZES] = _SIZES.field()

    def problems(self) -> Iterator[Problem]:
        if self.pods.extra_containers:
            yield Problem(
                keys=("pods.extraContainers",),
                message="pods.extraContainers: the Job of a backup would not end while they run",
                allowed="pods.extraInitContainers; with restartPolicy Always they run beside it and end with it",
                fix=Fix.REMOVE,
            )
        if self.s3.bucket and not self.enabled:
            yield Problem(
                keys=("s3.bucket", "enabled"),
                message=f"s3.bucket {self.s3.bucket} without enabled: there are no dumps to copy",
                allowed="enabled true, or no bucket",
                fix=Fix.REMOVE,
            )
        memory, least = self.resources.memory_limit, least_limit(PRIVATE_SERVER)
        if quantity(memory) < least * MEBIBYTE:
            yield Problem(
                keys=("resources.limits.memory",),
                message=f"resources.limits.memory {memory} is too little for the server that a dump is restored into",
                allowed=f"at least {least}Mi",
                fix="512Mi",
            )

    def footprint(self, _monitoring: MonitoringSettings) -> Footprint:
        if not self.enabled:
            return Footprint()
        return Footprint(pods=(Pods(count=1, containers=(self.resources.as_kubernetes(),)),), volumes=1)

    @property
    def watched(self) -> WatchedBackups | None:
        """The times that the alerts expect; None without backups."""
        if not self.enabled:
            return None
        places = ("volume", "bucket") if self.copied else ("volume",)
        return WatchedBackups(oldest=oldest_backup(self.schedule), places=places)

    @property
    def copied(self) -> bool:
        """Whether dumps are copied to a bucket."""
        return self.enabled and self.s3.bucket is not None

    @property
    def services(self) -> list[tuple[str, Destination]]:
        """The services of the bucket, each with the key that it follows from."""
        return [(f"backup.s3.{key}", each) for key, each in self.s3.services(self.service_account.annotations)]

    @property
    def destinations(self) -> list[Destination]:
        """Where the backups connect to outside the stack."""
        if not self.copied:
            return []
        return [*self.s3.destinations(self.service_account.annotations), *proxy_destinations(self.pods)]

    @property
    def hosts_inside(self) -> list[str]:
        """An S3 service of the cluster, which pods reach without the proxy."""
        return [each.host for each in self.destinations if is_inside(each)]

    @property
    def private_server_memory(self) -> ServerMemory:
        """How the private server divides the limit, which `problems` has accepted."""
        memory = server_memory(int(quantity(self.resources.memory_limit)) // MEBIBYTE, PRIVATE_SERVER)
        assert memory
        return memory

    @property
    def private_server_options(self) -> str:
        """The same as options of a server's command line."""
        parameters = {"max_connections": str(PRIVATE_SERVER.connections), **self.private_server_memory.parameters()}
        return " ".join(f"-c {name}={value}" for name, value in parameters.items())
