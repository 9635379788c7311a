"""Settings of the storage of uploaded files."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from ..blocks.base_settings import Fix, Problem, Settings
from ..blocks.names import ObjectName
from ..blocks.quantities import Bytes
from .feature_settings import FeatureSettings, SecretKey
from .upload_stores import AzureSettings, GcsSettings, S3Settings, UploadStore

if TYPE_CHECKING:
    from .settings import OpenWebUISettings


def _volume_path(text: str) -> str:
    if text and not text.startswith("/") and text.isprintable() and ".." not in text.split("/"):
        return text
    raise PydanticCustomError(
        "volume_path",
        "not a directory of a volume",
        {"allowed": "a relative path without `..`", "example": "uploads"},
    )


VolumePath = Annotated[str, AfterValidator(_volume_path)]


class UploadVolumeSettings(Settings):
    """The shared volume of `uploads.kind: volume`."""

    size: Bytes = Field("20Gi", description="Size of the volume.")
    class_name: ObjectName | None = Field(
        None,
        examples=["nfs"],
        description="StorageClass that serves ReadWriteMany. Default: the cluster's default class.",
    )
    existing_claim: ObjectName | None = Field(
        None,
        examples=["chat-data"],
        description="PersistentVolumeClaim in the stack's namespace that every replica can mount. The stack neither "
        "protects nor deletes it. Default: the stack creates one.",
    )
    sub_path: VolumePath | None = Field(
        None,
        examples=["uploads"],
        description="Directory of the uploads in the volume. Default: its root.",
    )

    def problems(self) -> Iterator[Problem]:
        for key, field in (("size", "size"), ("className", "class_name")):
            if self.existing_claim and field in self.model_fields_set:
                yield Problem(
                    keys=(key, "existingClaim"),
                    message=f"{key} conflicts with existingClaim {self.existing_claim}, which has its own",
                    allowed=f"either {key} or existingClaim",
                    fix=Fix.REMOVE,
                )


class UploadSettings(FeatureSettings):
    """Storage of uploaded files. Their text and vectors are always in PostgreSQL."""

    SECRETS: ClassVar = (*S3Settings.SECRETS, *GcsSettings.SECRETS, *AzureSettings.SECRETS)

    kind: Literal["pod", "volume", "s3", "gcs", "azure"] = Field(
        "pod",
        description="`pod`: in the pod that received the upload, lost with it. `volume`: one ReadWriteMany volume "
        "for all "
        "replicas. `s3`, `gcs`, `azure`: a bucket; the last two need the full image.",
    )
    accept_loss: bool = Field(
        False,
        description="Accept kind `pod` with more than one replica: models do not get pictures that another replica "
        "received, and a file is lost with its pod. Each `pulumi up` prints a warning.",
    )
    volume: UploadVolumeSettings = Field(UploadVolumeSettings(), description="The volume of kind `volume`.")
    s3: S3Settings = Field(S3Settings(), description="The bucket of kind `s3`.")
    gcs: GcsSettings = Field(GcsSettings(), description="The bucket of kind `gcs`, Google Cloud Storage.")
    azure: AzureSettings = Field(AzureSettings(), description="The container of kind `azure`, Azure Blob Storage.")
    local_cache: bool = Field(
        True,
        description="Keep a copy of an upload in the pod that received it, also if the file is in a bucket. With "
        "`false`, Open WebUI removes the copy once the text is extracted.",
    )

    @property
    def store(self) -> UploadStore | None:
        """The bucket in use; None for files in the cluster."""
        return self._stores.get(self.kind)

    @property
    def _stores(self) -> Mapping[str, UploadStore]:
        """The buckets, by their kind, which is their key and the name of the provider in Open WebUI."""
        return {"s3": self.s3, "gcs": self.gcs, "azure": self.azure}

    @property
    def uses_service_account(self) -> bool:
        """Whether the bucket is accessed with the identity of the web pods' ServiceAccount."""
        return self.store is not None and self.store.credentials == "serviceAccount"

    def problems(self) -> Iterator[Problem]:
        if self.store:
            for problem in self.store.missing():
                yield replace(problem, keys=(*(f"{self.kind}.{key}" for key in problem.keys), "kind"))
        for key in ("volume", *self._stores):
            if key in self.model_fields_set and self.kind != key:
                yield Problem(
                    keys=(key, "kind"),
                    message=f"{key} conflicts with kind {self.kind}: it has no effect",
                    allowed=f"remove {key}, or set kind to {key}",
                    fix=Fix.REMOVE,
                )
        if not self.local_cache and not self.store:
            yield Problem(
                keys=("localCache", "kind"),
                message=f"localCache false conflicts with kind {self.kind}: the copy is the file itself",
                allowed=f"remove localCache, or set kind to {_alternatives(self._stores)}",
                fix=Fix.REMOVE,
            )

    def variables(self, _web: "OpenWebUISettings", _services: Mapping[str, str]) -> dict[str, str]:
        if not self.store:
            return {"STORAGE_PROVIDER": "local"}
        cache = {} if self.local_cache else {"STORAGE_LOCAL_CACHE": "false"}
        return {"STORAGE_PROVIDER": self.kind, **self.store.variables(), **cache}

    def endpoints(self, web: "OpenWebUISettings") -> Iterator[tuple[str, str]]:
        if self.store:
            for key, url in self.store.urls(web.service_account.annotations):
                yield f"{self.kind}.{key}", url

    def conflicts(self, web: "OpenWebUISettings") -> Iterator[Problem]:
        if not self.store:
            return
        if self.store.CLIENT and web.variant == "slim":
            yield Problem(
                keys=("variant", "uploads.kind"),
                message=f"variant slim conflicts with uploads.kind {self.kind}: the slim image does not contain "
                f"{self.store.CLIENT}, and Open WebUI would not start",
                allowed="full, or uploads.kind s3",
                fix="full",
            )
        yield from self.store.conflicts(web.service_account.annotations)
        for key, variables in (("env", web.env), ("pluginEnv", web.plugin_env)):
            for problem in self.credential_problems(variables):
                variable, setting = problem.keys
                yield replace(problem, keys=(f"{key}.{variable}", setting))

    def credential_problems(self, variables: Iterable[str]) -> Iterator[Problem]:
        """Variables whose credentials the client of the bucket would use in place of the ServiceAccount's."""
        if not self.store or not self.uses_service_account:
            return
        setting = f"uploads.{self.kind}.credentials"
        for name in sorted(set(variables) & set(self.store.OTHER_CREDENTIALS)):
            yield Problem(
                keys=(name, setting),
                message=f"{name} conflicts with {setting} serviceAccount: the client of the bucket takes credentials "
                "from this variable in place of those of the ServiceAccount",
                allowed=f"remove it: the identity comes from {self.store.IDENTITY}; or {setting} secret",
                fix=Fix.REMOVE,
            )

    def pod_labels(self, _web: "OpenWebUISettings") -> Mapping[str, str]:
        return self.store.POD_LABELS if self.store and self.uses_service_account else {}

    def uses(self, secret: SecretKey) -> bool:
        return self.store is not None and secret in self.store.SECRETS and self.store.credentials == "secret"

    def setting_of(self, secret: SecretKey) -> str:
        return secret.setting if self.store and secret in self.store.SECRETS else "kind"


def _alternatives(values: Iterable[str]) -> str:
    *others, last = values
    return f"{', '.join(others)} or {last}" if others else last
