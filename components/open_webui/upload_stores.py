"""The stores of uploads outside the cluster: one model for each kind of bucket."""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

from pydantic import Field

from ..blocks.base_settings import Problem, Settings
from ..blocks.cloud_identity import ACCOUNT_OF_GOOGLE, CLIENT_OF_AZURE, LABEL_OF_AZURE, ROLE_OF_AWS
from ..blocks.names import HttpUrl
from .feature_settings import SecretKey

Credentials = Literal["secret", "serviceAccount"]

_AWS = "https://s3.amazonaws.com"
# Any region's: a network policy opens every public address at the port.
_STS = "https://sts.amazonaws.com"
# https://docs.aws.amazon.com/eks/latest/userguide/pod-id-agent-setup.html
_POD_IDENTITY_AGENT = "http://169.254.170.23"
# The metadata server of GKE, and where a policy of Calico sees it:
# https://cloud.google.com/kubernetes-engine/docs/how-to/network-policy#network-policy-and-workload-identity
_GKE_METADATA = ("http://169.254.169.254", "http://169.254.169.252:988")
_MICROSOFT_ENTRA = "https://login.microsoftonline.com"


class UploadStore(Settings):
    """Settings of a bucket."""

    SECRETS: ClassVar[tuple[SecretKey, ...]] = ()
    """Its credentials, where they are secret config keys."""

    CLIENT: ClassVar[str] = ""
    """The client that only the full image has; empty where the slim image has it."""

    POD_LABELS: ClassVar[Mapping[str, str]] = {}
    """Labels without which the pods do not get the identity of their ServiceAccount."""

    OTHER_CREDENTIALS: ClassVar[tuple[str, ...]] = ()
    """Variables with other credentials, which the client prefers to those of the ServiceAccount. Explicit keys take
    precedence over all of them."""

    IDENTITY: ClassVar[str] = ""
    """Where the identity of the ServiceAccount is configured, for the report."""

    credentials: Credentials = Field(
        "secret",
        description="`secret`: secret config keys. `serviceAccount`: the identity of the web pods' ServiceAccount at "
        "the cloud provider.",
    )

    def missing(self) -> Iterator[Problem]:
        """Problems of the store when it is the one in use, with keys relative to it."""
        yield from ()

    def variables(self) -> Mapping[str, str]:
        """Environment variables without secrets."""
        raise NotImplementedError

    def conflicts(self, _annotations: Mapping[str, str]) -> Iterator[Problem]:
        """Problems with the annotations of the ServiceAccount, with keys relative to Open WebUI's settings."""
        yield from ()

    def urls(self, annotations: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """URLs that its client connects to, each with the key that it follows from.

        Args:
            annotations: those of the ServiceAccount.
        """
        raise NotImplementedError


def _s3_key(name: str, variable: str, key: str, title: str) -> SecretKey:
    return SecretKey(
        name=name,
        variable=variable,
        key=key,
        setting="s3.credentials",
        description=f"{title} key of the upload bucket. Required with `openWebui.uploads.kind: s3`, unless "
        "`openWebui.uploads.s3.credentials` is `serviceAccount`.",
    )


class S3Settings(UploadStore):
    """The bucket of `uploads.kind: s3`."""

    SECRETS: ClassVar = (
        _s3_key("s3AccessKeyId", "S3_ACCESS_KEY_ID", "s3-access-key-id", "Access"),
        _s3_key("s3SecretAccessKey", "S3_SECRET_ACCESS_KEY", "s3-secret-access-key", "Secret"),
    )

    # https://docs.aws.amazon.com/boto3/latest/guide/credentials.html#configuring-credentials
    OTHER_CREDENTIALS: ClassVar = (
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_SECURITY_TOKEN",
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_ROLE_ARN",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    )

    IDENTITY: ClassVar = f"the annotation {ROLE_OF_AWS}, or an EKS Pod Identity association"

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
    credentials: Credentials = Field(
        "secret",
        description="`secret`: the secrets `s3AccessKeyId` and `s3SecretAccessKey`. `serviceAccount`: the role of the "
        "web pods' ServiceAccount, by EKS Pod Identity or, with the annotation `eks.amazonaws.com/role-arn`, by IRSA.",
    )
    addressing_style: Literal["auto", "path", "virtual"] | None = Field(
        None,
        examples=["path"],
        description="Where a URL names the bucket: `path`, or `virtual`: before the host. Default: `auto`, which is "
        "`path` with an endpointUrl.",
    )
    accelerate: bool = Field(False, description="Use S3 Transfer Acceleration, which the bucket must have enabled.")
    tagging: bool = Field(
        False,
        description="Tag each object with its user and file. Needs `s3:PutObjectTagging`, and a service that "
        "supports tags.",
    )

    def problems(self) -> Iterator[Problem]:
        if not self.accelerate:
            return
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/transfer-acceleration.html
        conflicts = {
            "endpointUrl": ("is another service's", bool(self.endpoint_url)),
            "addressingStyle": ("path has no accelerated endpoint", self.addressing_style == "path"),
            "bucketName": ("has a dot, and the accelerated endpoint does not take it", "." in (self.bucket_name or "")),
        }
        for key, (reason, applies) in conflicts.items():
            if applies:
                yield Problem(
                    keys=("accelerate", key),
                    message=f"accelerate conflicts with {key}, which {reason}",
                    allowed=f"false, or another {key}",
                    fix="false",
                )

    def missing(self) -> Iterator[Problem]:
        if not self.bucket_name:
            yield Problem(
                keys=("bucketName",),
                message="kind s3 needs s3.bucketName",
                allowed="the name of an existing bucket",
                fix="open-webui-uploads",
            )

    def variables(self) -> dict[str, str]:
        optional = {
            "S3_BUCKET_NAME": self.bucket_name,
            "S3_ENDPOINT_URL": self.endpoint_url,
            "S3_REGION_NAME": self.region_name,
            "S3_KEY_PREFIX": self.key_prefix,
            "S3_ADDRESSING_STYLE": self.addressing_style,
            "S3_USE_ACCELERATE_ENDPOINT": "true" if self.accelerate else None,
            "S3_ENABLE_TAGGING": "true" if self.tagging else None,
        }
        return {name: value for name, value in optional.items() if value}

    def urls(self, annotations: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        yield "endpointUrl", self.endpoint_url or _AWS
        if self.credentials == "serviceAccount":
            yield "credentials", _STS if ROLE_OF_AWS in annotations else _POD_IDENTITY_AGENT


def _service_account_key_error(value: str) -> tuple[str, str] | None:
    allowed = "the JSON of a key of a service account, as Google Cloud creates it"
    try:
        key = json.loads(value)
    except ValueError:
        return "it is not JSON", allowed
    missing = [name for name in ("client_email", "private_key", "token_uri") if not _has_text(key, name)]
    return (f"it has no {', '.join(missing)}", allowed) if missing else None


def _has_text(key: object, name: str) -> bool:
    return isinstance(key, dict) and isinstance(key.get(name), str) and bool(key[name])


class GcsSettings(UploadStore):
    """The bucket of `uploads.kind: gcs`."""

    CLIENT: ClassVar = "google-cloud-storage"

    SECRETS: ClassVar = (
        SecretKey(
            name="GOOGLE_APPLICATION_CREDENTIALS_JSON",
            variable="GOOGLE_APPLICATION_CREDENTIALS_JSON",
            key="GOOGLE_APPLICATION_CREDENTIALS_JSON",
            setting="gcs.credentials",
            description="Key of a service account of Google Cloud, in JSON. Required with `openWebui.uploads.kind: "
            "gcs`, unless `openWebui.uploads.gcs.credentials` is `serviceAccount`.",
            error=_service_account_key_error,
        ),
    )

    # https://docs.cloud.google.com/docs/authentication/application-default-credentials; `google/auth/environment_vars`
    OTHER_CREDENTIALS: ClassVar = (
        "GOOGLE_APPLICATION_CREDENTIALS",
        "CLOUDSDK_CONFIG",
        "GCE_METADATA_HOST",
        "GCE_METADATA_IP",
        "GCE_METADATA_ROOT",
    )

    IDENTITY: ClassVar = f"Workload Identity Federation for GKE, or the annotation {ACCOUNT_OF_GOOGLE}"

    bucket_name: str | None = Field(
        None,
        min_length=3,
        max_length=222,
        examples=["open-webui-uploads"],
        description="Bucket. Required for kind gcs.",
    )
    credentials: Credentials = Field(
        "secret",
        description="`secret`: the secret `GOOGLE_APPLICATION_CREDENTIALS_JSON`. `serviceAccount`: the identity of the "
        "web pods' ServiceAccount, by Workload Identity Federation for GKE.",
    )

    def missing(self) -> Iterator[Problem]:
        if not self.bucket_name:
            yield Problem(
                keys=("bucketName",),
                message="kind gcs needs gcs.bucketName",
                allowed="the name of an existing bucket",
                fix="open-webui-uploads",
            )

    def variables(self) -> dict[str, str]:
        return {"GCS_BUCKET_NAME": self.bucket_name or ""}

    def urls(self, _annotations: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        yield "bucketName", "https://storage.googleapis.com"
        tokens = _GKE_METADATA if self.credentials == "serviceAccount" else ("https://oauth2.googleapis.com",)
        yield from (("credentials", url) for url in tokens)


def _account_key_error(value: str) -> tuple[str, str] | None:
    try:
        key = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    return None if key else ("it is not in base64", "an access key of the storage account, not a connection string")


class AzureSettings(UploadStore):
    """The container of `uploads.kind: azure`."""

    CLIENT: ClassVar = "azure-storage-blob"

    POD_LABELS: ClassVar = {LABEL_OF_AZURE: "true"}

    SECRETS: ClassVar = (
        SecretKey(
            name="AZURE_STORAGE_KEY",
            variable="AZURE_STORAGE_KEY",
            key="AZURE_STORAGE_KEY",
            setting="azure.credentials",
            description="Access key of the storage account. Required with `openWebui.uploads.kind: azure`, unless "
            "`openWebui.uploads.azure.credentials` is `serviceAccount`.",
            error=_account_key_error,
        ),
    )

    # https://learn.microsoft.com/python/api/azure-identity/azure.identity.defaultazurecredential
    OTHER_CREDENTIALS: ClassVar = (
        "AZURE_CLIENT_ID",
        "AZURE_CLIENT_SECRET",
        "AZURE_CLIENT_CERTIFICATE_PATH",
        "AZURE_CLIENT_CERTIFICATE_PASSWORD",
        "AZURE_USERNAME",
        "AZURE_PASSWORD",
        "AZURE_TENANT_ID",
        "AZURE_AUTHORITY_HOST",
        "AZURE_FEDERATED_TOKEN_FILE",
        "AZURE_TOKEN_CREDENTIALS",
        "IDENTITY_ENDPOINT",
        "IDENTITY_HEADER",
        "MSI_ENDPOINT",
        "MSI_SECRET",
    )

    IDENTITY: ClassVar = f"the annotation {CLIENT_OF_AZURE}"

    endpoint_url: HttpUrl | None = Field(
        None,
        examples=["https://account.blob.core.windows.net"],
        description="Blob endpoint of the storage account. Required for kind azure.",
    )
    container_name: str | None = Field(
        None,
        pattern=r"^[a-z0-9](-?[a-z0-9]){2,62}$",
        examples=["open-webui-uploads"],
        description="Container of blobs. Required for kind azure.",
    )
    credentials: Credentials = Field(
        "secret",
        description="`secret`: the secret `AZURE_STORAGE_KEY`. `serviceAccount`: the identity of the web pods' "
        "ServiceAccount, by Microsoft Entra Workload ID; needs the annotation `azure.workload.identity/client-id`.",
    )

    def problems(self) -> Iterator[Problem]:
        if self.credentials == "serviceAccount" and self.endpoint_url and self.endpoint_url.startswith("http://"):
            yield Problem(
                keys=("endpointUrl", "credentials"),
                message=f"endpointUrl {self.endpoint_url} with credentials serviceAccount: the client sends no token "
                "without TLS",
                allowed="an https URL",
                fix="https://account.blob.core.windows.net",
            )

    def missing(self) -> Iterator[Problem]:
        if not self.endpoint_url:
            yield Problem(
                keys=("endpointUrl",),
                message="kind azure needs azure.endpointUrl",
                allowed="the blob endpoint of a storage account",
                fix="https://account.blob.core.windows.net",
            )
        if not self.container_name:
            yield Problem(
                keys=("containerName",),
                message="kind azure needs azure.containerName",
                allowed="the name of an existing container",
                fix="open-webui-uploads",
            )

    def conflicts(self, annotations: Mapping[str, str]) -> Iterator[Problem]:
        if self.credentials == "serviceAccount" and CLIENT_OF_AZURE not in annotations:
            yield Problem(
                keys=(f'serviceAccount.annotations["{CLIENT_OF_AZURE}"]', "uploads.kind"),
                message="uploads.azure.credentials serviceAccount without the managed identity: the pods get no token",
                allowed="the client ID of a managed identity",
                fix="00000000-0000-0000-0000-000000000000",
            )

    def variables(self) -> dict[str, str]:
        return {
            # Open WebUI puts a slash after it.
            "AZURE_STORAGE_ENDPOINT": (self.endpoint_url or "").rstrip("/"),
            "AZURE_STORAGE_CONTAINER_NAME": self.container_name or "",
        }

    def urls(self, _annotations: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        if self.endpoint_url:
            yield "endpointUrl", self.endpoint_url
        if self.credentials == "serviceAccount":
            yield "credentials", _MICROSOFT_ENTRA
