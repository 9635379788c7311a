"""The stores of uploads outside the cluster: one model for each kind of bucket, with what differs between them."""

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

from pydantic import Field

from ..blocks.base_settings import Problem, Settings
from ..blocks.names import HttpUrl
from .feature_settings import SecretKey
from .service_account import ROLE_OF_AWS

Credentials = Literal["secret", "serviceAccount"]

_AWS = "https://s3.amazonaws.com"
# Any region's: a network policy opens every public address at the port.
_STS = "https://sts.amazonaws.com"
# https://docs.aws.amazon.com/eks/latest/userguide/pod-id-agent-setup.html
_POD_IDENTITY_AGENT = "http://169.254.170.23"


class UploadStore(Settings):
    """Settings of a bucket."""

    SECRETS: ClassVar[tuple[SecretKey, ...]] = ()
    """Its credentials, where they are secret config keys."""

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
        description="Where a URL names the bucket: `path` or, before the host, `virtual`. Default: `auto`, which is "
        "`path` with an endpointUrl.",
    )
    accelerate: bool = Field(False, description="Use S3 Transfer Acceleration, which the bucket must have enabled.")
    tagging: bool = Field(
        False,
        description="Tag each object with its user and file. Needs `s3:PutObjectTagging`, and a service that has tags.",
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
