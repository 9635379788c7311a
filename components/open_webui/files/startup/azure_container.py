"""The container of uploads in Azure Blob Storage, as ``AzureStorageProvider`` of Open WebUI uses it."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

from .bucket import CONNECT_SECONDS, CONTENTS, PROBE, READ_SECONDS, Bucket, Outage, Refusal

# The preflight retries itself, because the client would wait 15 s before its second attempt.
_OPTIONS = {"connection_timeout": CONNECT_SECONDS, "read_timeout": READ_SECONDS, "retry_total": 0}
# Error codes: https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes
_RIGHTS = ("AuthorizationPermissionMismatch", "InsufficientAccountPermissions")
_NETWORK = "AuthorizationFailure"
"""Code of an account whose firewall does not admit the address of the pods."""


class AzureContainer(Bucket):
    """The container ``AZURE_STORAGE_CONTAINER_NAME`` of the storage account at ``AZURE_STORAGE_ENDPOINT``."""

    KEY = "openWebui.uploads.azure"

    def steps(self, *, write: bool) -> list[Callable[[], object]]:
        steps: list[Callable[[], object]] = [
            lambda: next(iter(self._container.list_blobs(results_per_page=1)), None),
        ]
        if not write:
            return steps
        return [
            *steps,
            lambda: self._container.get_blob_client(PROBE).upload_blob(CONTENTS, overwrite=True),
            lambda: self._container.get_blob_client(PROBE).download_blob().readall(),
            lambda: self._container.get_blob_client(PROBE).delete_blob(),
        ]

    def explain(self, error: Exception) -> Refusal | Outage:
        core = self.module("azure.core.exceptions")
        code = getattr(error, "error_code", None) or type(error).__name__
        code = str(getattr(code, "value", code))
        where = f"the container {self._name} at {self._endpoint}"
        match error:
            case core.ResourceNotFoundError():
                return Refusal(
                    reason=f"There is no container {self._name} at {self._endpoint} ({code}). Create it, or correct "
                    f"{self.KEY}.containerName or endpointUrl."
                )
            case core.HttpResponseError() if code in _RIGHTS:
                return Refusal(
                    reason=f"The identity is not allowed to use {where} ({code}). It needs the role Storage Blob Data "
                    "Contributor on the container."
                )
            case core.HttpResponseError() if code == _NETWORK:
                return Refusal(
                    reason=f"The storage account refuses {where} ({code}): admit the network of the cluster in its "
                    "firewall, or correct the key."
                )
            case core.ClientAuthenticationError():
                return Refusal(
                    reason=f"The credentials are not accepted for {where} ({code}): set AZURE_STORAGE_KEY (pulumi "
                    f"config set --secret), or with {self.KEY}.credentials serviceAccount correct the managed identity "
                    "and its federated credential."
                )
            case core.HttpResponseError() if (error.status_code or 500) < 500:
                return Refusal(reason=f"Azure Blob Storage refuses {where} with the error {code}.")
            case core.HttpResponseError():
                return Outage(reason=f"Azure Blob Storage at {self._endpoint} answers with the error {code}.")
            case ValueError():
                return Refusal(reason=f"{self.KEY}.endpointUrl {self._endpoint} or AZURE_STORAGE_KEY is not valid.")
        # Only the class: a message of the client may quote its arguments.
        return Outage(reason=f"Azure Blob Storage at {self._endpoint} cannot be reached: {type(error).__name__}.")

    @property
    def _endpoint(self) -> str:
        return self.environment.get("AZURE_STORAGE_ENDPOINT", "")

    @property
    def _name(self) -> str:
        return self.environment.get("AZURE_STORAGE_CONTAINER_NAME", "")

    @cached_property
    def _container(self) -> Any:
        # Without a key, the client finds credentials of the pod's own (workload identity), as Open WebUI does.
        key = self.environment.get("AZURE_STORAGE_KEY")
        credential = key or self.module("azure.identity").DefaultAzureCredential()
        client = self.module("azure.storage.blob").BlobServiceClient
        return client(account_url=self._endpoint, credential=credential, **_OPTIONS).get_container_client(self._name)
