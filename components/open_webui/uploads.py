"""Settings of uploads: where uploaded files live."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from ..blocks.base_settings import Fix, Problem, Settings
from ..blocks.names import HttpUrl, ObjectName
from ..blocks.quantities import Bytes
from .feature_settings import FeatureSettings, SecretKey

if TYPE_CHECKING:
    from .settings import OpenWebUISettings

_AWS = "https://s3.amazonaws.com"


class UploadVolumeSettings(Settings):
    """The shared volume of `uploads.kind: volume`."""

    size: Bytes = Field("20Gi", description="Size of the volume.")
    class_name: ObjectName | None = Field(
        None,
        examples=["nfs"],
        description="StorageClass that serves ReadWriteMany. Default: the cluster's default class.",
    )


class S3Settings(Settings):
    """The bucket of `uploads.kind: s3`. Credentials: the secrets `s3AccessKeyId` and `s3SecretAccessKey`."""

    bucket_name: str | None = Field(
        None, min_length=3, max_length=63, examples=["open-webui-uploads"], description="Bucket. Required for kind s3."
    )
    endpoint_url: HttpUrl | None = Field(
        None, examples=["https://s3.example.com"], description="URL of an S3 service. Default: AWS."
    )
    region_name: str | None = Field(
        None, min_length=1, examples=["eu-central-1"], description="Region. Default: the S3 client's."
    )
    key_prefix: str | None = Field(
        None, min_length=1, examples=["open-webui"], description="Prefix of every object's key."
    )


class UploadSettings(FeatureSettings):
    """Where uploaded files live. Their text and vectors are in PostgreSQL in any case."""

    SECRETS: ClassVar = (
        SecretKey(
            name="s3AccessKeyId",
            variable="S3_ACCESS_KEY_ID",
            key="s3-access-key-id",
            setting="kind",
            description="Access key of the upload bucket. Required with `openWebui.uploads.kind: s3`.",
        ),
        SecretKey(
            name="s3SecretAccessKey",
            variable="S3_SECRET_ACCESS_KEY",
            key="s3-secret-access-key",
            setting="kind",
            description="Secret key of the upload bucket. Required with `openWebui.uploads.kind: s3`.",
        ),
    )

    kind: Literal["pod", "volume", "s3"] = Field(
        "pod",
        description="`pod`: in the pod that took the upload, gone with it. `volume`: one ReadWriteMany volume for all "
        "replicas. `s3`: a bucket.",
    )
    accept_loss: bool = Field(
        False,
        description="Accept kind `pod` with more than one replica: models do not get the pictures that another replica "
        "took, and a file goes with its pod. Each `pulumi up` warns of it.",
    )
    volume: UploadVolumeSettings = Field(UploadVolumeSettings(), description="The volume of kind `volume`.")
    s3: S3Settings = Field(S3Settings(), description="The bucket of kind `s3`.")

    def problems(self) -> Iterator[Problem]:
        if self.kind == "s3" and not self.s3.bucket_name:
            yield Problem(
                keys=("s3.bucketName", "kind"),
                message="kind s3 needs s3.bucketName",
                allowed="the name of an existing bucket",
                fix="open-webui-uploads",
            )
        for kind, key in (("volume", "volume"), ("s3", "s3")):
            if key in self.model_fields_set and self.kind != kind:
                yield Problem(
                    keys=(key, "kind"),
                    message=f"{key} conflicts with kind {self.kind}: it has no effect",
                    allowed=f"remove {key}, or set kind to {kind}",
                    fix=Fix.REMOVE,
                )

    def variables(self, _web: "OpenWebUISettings") -> dict[str, str]:
        if self.kind != "s3":
            return {"STORAGE_PROVIDER": "local"}
        optional = {
            "S3_BUCKET_NAME": self.s3.bucket_name,
            "S3_ENDPOINT_URL": self.s3.endpoint_url,
            "S3_REGION_NAME": self.s3.region_name,
            "S3_KEY_PREFIX": self.s3.key_prefix,
        }
        return {"STORAGE_PROVIDER": "s3", **{name: value for name, value in optional.items() if value}}

    def urls(self) -> dict[str, str]:
        return {"s3.endpointUrl": self.s3.endpoint_url or _AWS} if self.kind == "s3" else {}

    def uses(self, _secret: SecretKey) -> bool:
        return self.kind == "s3"
