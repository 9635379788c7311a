"""Config of the archive container, from its environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ACCESS_KEY_ID = "access-key-id"
SECRET_ACCESS_KEY = "secret-access-key"
"""Files with the credentials, in the directory of `CREDENTIALS_DIRECTORY`."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """One bucket, and the server whose files are in it."""

    url: str
    """``s3://bucket/prefix``: below it each database cluster has a directory with the name of its identifier."""

    endpoint_url: str
    """URL of an S3 service; empty for AWS."""

    region: str
    """Region; empty for the client's default."""

    encryption: str
    """Of the objects, by the service: ``AES256`` or ``aws:kms``; empty for the bucket's default."""

    credentials: Path
    """Directory with the credentials. They are read again for each program, so that they can change at any time."""

    exchange: Path
    """Directory of the requests (request.sh)."""

    data: Path
    """Data directory of the server."""

    socket: str
    """Directory of the server's socket, for base backups."""

    archive: str
    """Identifier of the database cluster in the bucket; empty: that of the data directory."""

    base_backup_hours: int
    """Age of the newest base backup at which another one is made; 0: none is ever made."""

    retention_days: int
    """Days back that a recovery can reach."""

    pending_limit: int
    """Bytes of WAL that may wait for a bucket that does not take them. The rest is given up."""

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> "Config":
        """The config in the environment."""
        return cls(
            url=environment["ARCHIVE_URL"],
            endpoint_url=environment.get("ENDPOINT_URL", ""),
            region=environment.get("REGION", ""),
            encryption=environment.get("ENCRYPTION", ""),
            credentials=Path(environment["CREDENTIALS_DIRECTORY"]),
            exchange=Path(environment["EXCHANGE"]),
            data=Path(environment["PGDATA"]),
            socket=environment.get("SOCKET_DIRECTORY", ""),
            archive=environment.get("ARCHIVE", ""),
            base_backup_hours=int(environment.get("BASE_BACKUP_HOURS", "0")),
            retention_days=int(environment.get("RETENTION_DAYS", "0")),
            pending_limit=int(environment.get("PENDING_LIMIT", "0")),
        )

    def cloud_options(self) -> list[str]:
        """Options of every program of Barman Cloud."""
        return ["--cloud-provider=aws-s3", *([f"--endpoint-url={self.endpoint_url}"] if self.endpoint_url else [])]

    def upload_options(self) -> list[str]:
        """Options of the programs that write objects."""
        return [*self.cloud_options(), "--gzip", *([f"--encryption={self.encryption}"] if self.encryption else [])]

    def client_environment(self) -> dict[str, str]:
        """Environment of the S3 client, with the present credentials."""
        variables = {
            "AWS_ACCESS_KEY_ID": (self.credentials / ACCESS_KEY_ID).read_text().strip(),
            "AWS_SECRET_ACCESS_KEY": (self.credentials / SECRET_ACCESS_KEY).read_text().strip(),
            # Other services refuse the checksums that newer clients add on their own.
            "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
            "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
            "AWS_MAX_ATTEMPTS": "2",
        }
        return {**variables, "AWS_DEFAULT_REGION": self.region} if self.region else variables
