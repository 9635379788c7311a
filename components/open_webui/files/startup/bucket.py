"""Checks whether the bucket of the uploads can be used, with the same client as Open WebUI.

Source: ``open_webui.storage.provider`` of release 0.12.4. Importing it would connect to the database and migrate it.
"""

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

PROBE = "open-webui-stack-check"
"""Name of the object that a check writes, reads and deletes, after the prefix of the uploads."""

CONTENTS = b"Written and deleted by the preflight of an update."

CONNECT_SECONDS, READ_SECONDS = 5, 10


class BucketUnreachableError(Exception):
    """The service does not answer, or there are no credentials. The message contains the reason."""


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why the service refuses the bucket, for the operator."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Outage:
    """The reason why the service cannot be reached, which may be temporary."""

    reason: str


class Bucket(ABC):
    """A bucket of one provider, with the client of Open WebUI.

    The client is made by the first request, so that its errors are explained too.
    """

    KEY: ClassVar[str]
    """The settings of the bucket: ``openWebui.uploads.s3``."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment

    @abstractmethod
    def steps(self, *, write: bool) -> list[Callable[[], object]]:
        """The requests of a check, in their order.

        Args:
            write: beside the list of one object, write, read and delete the object `PROBE`.
        """

    @abstractmethod
    def explain(self, error: Exception) -> Refusal | Outage:
        """Explains an error of a request. No message may quote the arguments of the client."""

    def module(self, name: str) -> Any:
        """A module of the provider's client, which not every image contains."""
        return importlib.import_module(name)


def bucket_problem(environment: Mapping[str, str], *, write: bool = False) -> str | None:
    """Why uploads to the bucket would fail; None without a bucket or if they would not.

    It lists one object: unlike that to a HEAD request, the answer names the reason of a refusal. Open WebUI itself
    lists the bucket when every file is deleted.

    Args:
        environment: variables of Open WebUI.
        write: also write, read and delete an object.

    Raises:
        BucketUnreachableError: the service does not answer, or not as its protocol says.
    """
    bucket = _bucket(environment)
    if bucket is None:
        return None
    try:
        for step in bucket.steps(write=write):
            step()
    except Exception as error:
        match bucket.explain(error):
            case Refusal(reason=reason):
                return reason
            case Outage(reason=reason):
                raise BucketUnreachableError(reason) from error
    return None


def _bucket(environment: Mapping[str, str]) -> Bucket | None:
    match environment.get("STORAGE_PROVIDER"):
        case "s3":
            from .s3_bucket import S3Bucket

            return S3Bucket(environment)
        case "gcs":
            from .gcs_bucket import GcsBucket

            return GcsBucket(environment)
        case "azure":
            from .azure_container import AzureContainer

            return AzureContainer(environment)
    return None
