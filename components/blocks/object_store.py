"""A bucket of an S3 service, as settings."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from .base_settings import Problem, Settings
from .destinations import Destination, destination_of_url
from .names import HttpUrl

_AWS = "https://s3.amazonaws.com"


class ObjectStoreSettings(Settings):
    """A bucket. Its credentials are secrets of the config."""

    bucket: str | None = Field(
        None,
        pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
        examples=["open-webui-backups"],
        description="Bucket, which exists.",
    )
    prefix: str = Field(
        "",
        pattern=r"^([A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*)?$",
        examples=["prod"],
        description="Prefix of every object's key, without slashes around it. Each stack has its own.",
    )
    endpoint_url: HttpUrl | None = Field(
        None, examples=["https://s3.example.com"], description="URL of an S3 service. Default: AWS."
    )
    region: str | None = Field(
        None, pattern=r"^[a-z0-9-]+$", examples=["eu-central-1"], description="Region. Default: the S3 client's."
    )
    encryption: Literal["AES256", "aws:kms"] | None = Field(
        None,
        examples=["AES256"],
        description="Encryption that the service applies to each object. Default: that of the bucket.",
    )

    @property
    def url(self) -> str:
        """``s3://bucket/prefix``."""
        return f"s3://{self.bucket}{f'/{self.prefix}' if self.prefix else ''}"

    @property
    def destination(self) -> Destination | None:
        """Where its client connects to."""
        return destination_of_url(self.endpoint_url or _AWS)

    def missing(self, key: str, user: str) -> Iterator[Problem]:
        """The problem of a bucket that is used and not named.

        Args:
            key: path of these settings, relative to the model that has the problem.
            user: the key that needs the bucket.
        """
        if not self.bucket:
            yield Problem(
                keys=(f"{key}.bucket", user),
                message=f"{user} needs {key}.bucket",
                allowed="the name of an existing bucket",
                fix="open-webui-backups",
            )
