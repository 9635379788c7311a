"""Settings of the archive: plain, validated values."""

from collections.abc import Iterator

from pydantic import Field

from ...blocks.base_settings import Fix, Problem, Settings
from ...blocks.bucket_settings import BucketKeys, BucketSettings
from ...blocks.names import ImageReference
from ...blocks.quantities import Bytes, mebibytes, quantity
from ...blocks.resources import ContainerResources

IMAGE = "ghcr.io/cloudnative-pg/plugin-barman-cloud-sidecar:v0.13.0"
"""Barman Cloud and Python, without a shell."""

KEYS = BucketKeys(
    setting="postgresql.archive.s3",
    access_key_id="archiveS3AccessKeyId",
    secret_access_key="archiveS3SecretAccessKey",
)
SECRETS = KEYS.descriptions("postgresql.archive.enabled")
"""Secret config keys of the credentials, with their descriptions."""

LEAST_PENDING = "256Mi"
_PENDING_SHARE = 4
_LATEST_HOURS = 2
"""How much later than `baseBackupHours` a base backup may come before an alert fires, in seconds; at most as long
again."""


class ArchiveSettings(Settings):
    """`postgresql.archive` in the stack's config."""

    enabled: bool = Field(
        False,
        description="Archive the write-ahead log and base backups in a bucket, for recovery to any second. "
        "Not with the topology `external`.",
    )
    image: ImageReference = Field(
        IMAGE,
        description="Container image with Barman Cloud (barman, boto3, psycopg2) and `python3`. Not with the "
        "topology `cloudnative-pg`, whose plugin brings its own.",
    )
    s3: BucketSettings = Field(BucketSettings(), description="The bucket. Required with `postgresql.archive.enabled`.")
    timeout_seconds: int = Field(
        30,
        ge=5,
        le=300,
        description="Longest time in seconds that a change stays only on the volume; the upload comes on top. Less "
        "makes more segments: each takes 16 MiB on the volume until it is uploaded, compressed.",
    )
    base_backup_hours: int = Field(
        24, ge=1, le=168, description="Age in hours of the last base backup at which the next one is made."
    )
    retention_days: int = Field(7, ge=1, le=3650, description="Days back that a recovery can reach.")
    pending_limit: Bytes | None = Field(
        None,
        examples=["4Gi"],
        description="Log that may wait on the volume for a bucket that takes nothing. The container drops more, so "
        "that the server continues to run, and a new base backup closes the gap. Default: a quarter of "
        "`postgresql.storage.size`. Not with the topology `cloudnative-pg`, which keeps all of it.",
    )

    def bucket_problems(self) -> Iterator[Problem]:
        """Problems of the archive when it is on, with keys relative to PostgreSQL's settings."""
        if self.enabled:
            yield from self.s3.missing("archive.s3", "archive.enabled")

    def pending_problems(self, volume: str) -> Iterator[Problem]:
        """Problems of `pendingLimit`, with keys relative to PostgreSQL's settings.

        Args:
            volume: size of the volume of the database.
        """
        if not self.enabled:
            return
        limit = self.pending(volume)
        if not quantity(LEAST_PENDING) <= quantity(limit) <= quantity(volume) / 2:
            yield Problem(
                keys=("archive.pendingLimit", "storage.size"),
                message=f"archive.pendingLimit {limit} does not fit a volume of {volume}: a full volume stops the "
                "server, and less than 16 segments are given up at every short outage of the bucket",
                allowed=f"{LEAST_PENDING} to half of storage.size",
                fix=LEAST_PENDING,
            )

    def pending(self, volume: str) -> str:
        """`pendingLimit`, its default filled in."""
        return self.pending_limit or mebibytes(quantity(volume) / _PENDING_SHARE)

    @property
    def oldest_base_backup(self) -> int | None:
        """Seconds after which the newest base backup is too old; None when the archive is off."""
        return oldest_base_backup(self.base_backup_hours) if self.enabled else None

    @property
    def uses_keys(self) -> bool:
        """Whether the credentials of the bucket are secrets of the config."""
        return self.enabled and self.s3.uses_keys


def oldest_base_backup(hours: int) -> int:
    """Seconds after which the newest base backup is too old.

    Args:
        hours: `base_backup_hours`.
    """
    return (hours + min(hours, _LATEST_HOURS)) * 3600


def not_standalone(topology: str) -> Problem:
    """The problem of an archive with a server that is not the stack's own."""
    return Problem(
        keys=("archive.enabled", "topology"),
        message=f"archive.enabled with topology {topology}: the stack does not have the server's files",
        allowed="topology standalone; or the archive of the server's own provider",
        fix=Fix.REMOVE,
    )


def archive_resources() -> ContainerResources:
    """Requests and limits of the archive container: an upload, the next ones beside it, and a base backup."""
    return {
        "requests": {"cpu": "50m", "memory": "192Mi", "ephemeral-storage": "64Mi"},
        "limits": {"cpu": "2", "memory": "768Mi", "ephemeral-storage": "2Gi"},
    }
