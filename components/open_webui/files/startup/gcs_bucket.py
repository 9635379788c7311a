"""The bucket of uploads in Google Cloud Storage, as ``GCSStorageProvider`` of Open WebUI uses it."""

import json
from collections.abc import Callable
from functools import cached_property
from typing import Any

from .bucket import CONNECT_SECONDS, CONTENTS, PROBE, READ_SECONDS, Bucket, Outage, Refusal

_OPTIONS = {"timeout": (CONNECT_SECONDS, READ_SECONDS), "retry": None}


class GcsBucket(Bucket):
    """The bucket ``GCS_BUCKET_NAME``."""

    KEY = "openWebui.uploads.gcs"

    def steps(self, *, write: bool) -> list[Callable[[], object]]:
        steps: list[Callable[[], object]] = [
            lambda: next(iter(self._bucket.list_blobs(max_results=1, **_OPTIONS)), None),
        ]
        if not write:
            return steps
        return [
            *steps,
            lambda: self._bucket.blob(PROBE).upload_from_string(CONTENTS, **_OPTIONS),
            lambda: self._bucket.blob(PROBE).download_as_bytes(**_OPTIONS),
            lambda: self._bucket.blob(PROBE).delete(**_OPTIONS),
        ]

    def explain(self, error: Exception) -> Refusal | Outage:
        answers, auth = self.module("google.api_core.exceptions"), self.module("google.auth.exceptions")
        where = f"the bucket {self._name} of Google Cloud Storage"
        match error:
            case answers.NotFound():
                return Refusal(reason=f"There is no bucket {self._name}. Create it, or correct {self.KEY}.bucketName.")
            case answers.Forbidden():
                return Refusal(
                    reason=f"The credentials are not allowed to use {where}. They need storage.objects.list, .get, "
                    ".create and .delete, which the role roles/storage.objectUser has."
                )
            case answers.Unauthorized():
                return Refusal(reason=f"Google Cloud Storage does not accept the credentials for {where}: {self._set}")
            case answers.ServerError() | answers.TooManyRequests():
                return Outage(reason=f"Google Cloud Storage answers with the error {error.code}.")
            case answers.GoogleAPICallError():
                return Refusal(reason=f"Google Cloud Storage refuses {where} with the error {error.code}.")
            case auth.DefaultCredentialsError() | auth.MalformedError():
                return Refusal(reason=f"There are no valid credentials for {where}: {self._set}")
            case auth.RefreshError() if not error.retryable:
                return Refusal(reason=f"Google does not accept the credentials for {where}: {self._set}")
            case ValueError() if not self._can_sign:
                return Refusal(reason=f"The key of the service account cannot be read: {self._set}")
        # Only the class: a message of the client may quote its arguments.
        return Outage(reason=f"Google Cloud Storage cannot be reached: {type(error).__name__}.")

    @property
    def _set(self) -> str:
        return (
            "set GOOGLE_APPLICATION_CREDENTIALS_JSON (pulumi config set --secret), or "
            f"{self.KEY}.credentials to serviceAccount where the cluster has Workload Identity."
        )

    @property
    def _name(self) -> str:
        return self.environment.get("GCS_BUCKET_NAME", "")

    @property
    def _can_sign(self) -> bool:
        """Whether the client could be made: its private key is read before any request."""
        return "_client" in self.__dict__

    @property
    def _bucket(self) -> Any:
        return self._client.bucket(self._name)

    @cached_property
    def _client(self) -> Any:
        client = self.module("google.cloud.storage").Client
        key = self.environment.get("GOOGLE_APPLICATION_CREDENTIALS_JSON")
        # Without it, the client finds credentials of the pod's own (workload identity), as Open WebUI does.
        return client.from_service_account_info(info=json.loads(key)) if key else client()
