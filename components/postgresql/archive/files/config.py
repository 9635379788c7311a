"""Config of the archive container, from its environment."""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "access-key-id", "AWS_SECRET_ACCESS_KEY": "secret-access-key"}
"""Files with the credentials, by the variables of the S3 client."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """One bucket, and the server whose files are in it."""

    url: str
    """``s3://bucket/prefix``: below it each database cluster has a directory with the name of its identifier."""

    endpoint_url: str
    """URL of an S3 service; empty for AWS."""

    addressing_style: str
    """Where a URL names the bucket: ``auto``, ``path`` or ``virtual``."""

    region: str
    """Region; empty for the client's default."""

    encryption: str
    """Of the objects, by the service: ``none`` (the bucket's default), ``sse-s3`` or ``sse-kms``."""

    kms_key_id: str
    """Key of ``sse-kms``."""

    credentials: Path | None
    """Directory with the credentials. They are read again for each program, so that they can change at any time. None:
    the S3 client finds the role of the ServiceAccount."""

    authorities: Path | None
    """File with certificates of private authorities, which are trusted beside those of the S3 client. They are read
    again when the file has changed."""

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
            url=f"s3://{environment['BUCKET']}/{environment['BUCKET_PREFIX']}",
            endpoint_url=environment.get("BUCKET_ENDPOINT_URL", ""),
            addressing_style=environment.get("BUCKET_ADDRESSING_STYLE", "auto"),
            region=environment.get("BUCKET_REGION", ""),
            encryption=environment.get("BUCKET_ENCRYPTION", "none"),
            kms_key_id=environment.get("BUCKET_KMS_KEY_ID", ""),
            credentials=Path(credentials) if (credentials := environment.get("BUCKET_CREDENTIALS")) else None,
            authorities=Path(authorities) if (authorities := environment.get("PRIVATE_AUTHORITIES")) else None,
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
        endpoint = [f"--endpoint-url={self.endpoint_url}"] if self.endpoint_url else []
        style = [f"--addressing-style={self.addressing_style}"] if self.addressing_style != "auto" else []
        return ["--cloud-provider=aws-s3", *endpoint, *style]

    def upload_options(self) -> list[str]:
        """Options of the programs that write objects."""
        encryption = {
            "sse-s3": ["--encryption=AES256"],
            "sse-kms": ["--encryption=aws:kms", f"--sse-kms-key-id={self.kms_key_id}"],
        }
        return [*self.cloud_options(), "--gzip", *encryption.get(self.encryption, [])]

    def client_environment(self) -> dict[str, str]:
        """Environment of the S3 client, with the present credentials."""
        variables = {
            # Other services refuse the checksums that newer clients add on their own.
            "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
            "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
            "AWS_MAX_ATTEMPTS": "2",
        }
        if self.region:
            variables["AWS_DEFAULT_REGION"] = self.region
        if self.authorities:
            variables["AWS_CA_BUNDLE"] = str(combined(self.authorities))
        if self.credentials:
            variables |= {name: (self.credentials / file).read_text().strip() for name, file in _CREDENTIALS.items()}
        return variables


def combined(authorities: Path) -> Path:
    """A file with the authorities of the S3 client and the private ones: the variable of a bundle replaces its own.

    Raises:
        ValueError: the file has no certificate.
    """
    from botocore.httpsession import get_cert_path

    file = Path(tempfile.gettempdir()) / "authorities.crt"
    if file.exists() and file.stat().st_mtime > authorities.stat().st_mtime:
        return file
    private = authorities.read_text()
    if "-----BEGIN CERTIFICATE-----" not in private:
        raise ValueError(f"{authorities} holds no certificate in PEM")
    # Another program may do the same.
    new = file.with_suffix(f".{os.getpid()}")
    new.write_text(f"{Path(get_cert_path(True)).read_text()}\n{private}")
    new.replace(file)
    return file
