"""Settings of the archive: plain, validated values."""

from collections.abc import Iterator

from pydantic import Field

from ...blocks.addresses import EgressTarget
from ...blocks.base_settings import Fix, Problem, Settings
from ...blocks.destinations import Destination, destination_of_target
from ...blocks.names import ImageReference
from ...blocks.object_store import ObjectStoreSettings
from ...blocks.quantities import Bytes, mebibytes, quantity
from ...blocks.resources import ContainerResources

IMAGE = "ghcr.io/cloudnative-pg/plugin-barman-cloud-sidecar:v0.13.0"
"""Barman Cloud and Python, without a shell."""

ACCESS_KEY_ID = "archiveS3AccessKeyId"
SECRET_ACCESS_KEY = "archiveS3SecretAccessKey"
"""Secret config keys with the credentials of the bucket."""

SECRETS = {
    ACCESS_KEY_ID: "Access key of the archive's bucket. Required with `postgresql.archive.enabled`.",
    SECRET_ACCESS_KEY: "Secret key of the archive's bucket. Required with `postgresql.archive.enabled`.",
}

LEAST_PENDING = "256Mi"
_PENDING_SHARE = 4


class ArchiveSettings(Settings):
    """`postgresql.archive` in the stack's config."""

    enabled: bool = Field(
        False,
        description="Archive the write-ahead log and base backups in a bucket, for recovery to any second. "
        "Only with the topology `standalone`.",
    )
    image: ImageReference = Field(
        IMAGE, description="Container image with Barman Cloud (barman, boto3, psycopg2) and `python3`."
    )
    s3: ObjectStoreSettings = Field(
        ObjectStoreSettings(), description="The bucket. Required with `postgresql.archive.enabled`."
    )
    egress: list[EgressTarget] = Field(
        [],
        examples=["10.20.0.0/16:443"],
        description="Addresses of the bucket's service where public DNS does not have its name.",
    )
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
        description="Log that may wait on the volume for a bucket that takes nothing. The rest is given up, so "
        "that the server goes on, and a new base backup closes the gap. Default: a quarter of "
        "`postgresql.storage.size`.",
    )

    def used_problems(self, volume: str) -> Iterator[Problem]:
        """Problems of the archive when it is on, with keys relative to PostgreSQL's settings.

        Args:
            volume: size of the volume of the database.
        """
        if not self.enabled:
            return
        yield from self.s3.missing("archive.s3", "archive.enabled")
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
    def targets(self) -> list[Destination]:
        """The destinations of `egress`."""
        return [destination_of_target(target) for target in self.egress]

    @property
    def destinations(self) -> list[Destination]:
        """Where the archive container connects to; nothing when the archive is off."""
        if not self.enabled:
            return []
        bucket = self.s3.destination
        return [*([bucket] if bucket else []), *self.targets]


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
