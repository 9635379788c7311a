"""A bucket of an S3 service, as settings: the same keys and rules for each component that has one."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field
from pydantic.alias_generators import to_camel

from .addresses import EgressTarget
from .base_settings import Fix, Problem, Settings
from .cloud_identity import ROLE_OF_AWS
from .destinations import Destination, destination_of_target, destination_of_url, is_inside
from .names import HttpUrl
from .patterns import matching

_AWS = "https://s3.amazonaws.com"
_STS = "https://sts.amazonaws.com"
# https://docs.aws.amazon.com/eks/latest/userguide/pod-id-agent-setup.html
_POD_IDENTITY_AGENT = "http://169.254.170.23"

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_bucket = matching(
    re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"),
    "bucket_name",
    "not a name of a bucket",
    allowed="3 to 63 lower-case letters, digits, '-' and '.', not at the ends",
    example="open-webui-backups",
)
_prefix = matching(
    re.compile(r"[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*"),
    "key_prefix",
    "not a prefix of keys",
    allowed="letters, digits, '-', '_', '.' and '/', the latter not at the ends",
    example="open-webui/prod",
)


@dataclass(frozen=True, kw_only=True)
class BucketKeys:
    """The secret config keys with the credentials of one bucket."""

    setting: str
    """Config key of the bucket's settings: ``backup.s3``."""

    access_key_id: str
    secret_access_key: str

    @property
    def names(self) -> tuple[str, str]:
        """Both keys."""
        return self.access_key_id, self.secret_access_key

    def descriptions(self, required_with: str) -> Mapping[str, str]:
        """The keys with their descriptions.

        Args:
            required_with: config key that needs the bucket.
        """
        required = f"Required with `{required_with}`, unless `{self.setting}.credentials` is `serviceAccount`."
        return {
            self.access_key_id: f"Access key of the bucket `{self.setting}.bucket`. {required}",
            self.secret_access_key: f"Secret key of the bucket `{self.setting}.bucket`. {required}",
        }


class BucketSettings(Settings):
    """`s3` of a component in the stack's config."""

    bucket: Annotated[str, _bucket] | None = Field(
        None, examples=["open-webui-backups"], description="Existing bucket."
    )
    endpoint_url: HttpUrl | None = Field(
        None, examples=["https://s3.example.com"], description="URL of an S3 service. Default: AWS."
    )
    region: str | None = Field(
        None, min_length=1, examples=["eu-central-1"], description="Region. Default: the S3 client's."
    )
    prefix: Annotated[str, _prefix] = Field(
        "open-webui-stack", description="Prefix of every object's key. Give each stack one of its own."
    )
    addressing_style: Literal["auto", "path", "virtual"] = Field(
        "auto",
        description="Where a URL names the bucket: `path`, or `virtual`: before the host. `auto` is `path` with an "
        "endpointUrl.",
    )
    credentials: Literal["secret", "serviceAccount"] = Field(
        "secret",
        description="`secret`: the secret config keys of the bucket. `serviceAccount`: the role of the pods' "
        "ServiceAccount, by EKS Pod Identity or, with the annotation `eks.amazonaws.com/role-arn`, by IRSA.",
    )
    encryption: Literal["none", "sse-s3", "sse-kms"] = Field(
        "none",
        description="`none`: the bucket's own default. `sse-s3`, `sse-kms`: by the service, with its key or that of "
        "`kmsKeyId`.",
    )
    kms_key_id: str | None = Field(
        None,
        min_length=1,
        examples=["arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"],
        description="Key of AWS KMS, or of a service with its API. Required with `sse-kms`.",
    )
    egress: list[EgressTarget] = Field(
        [],
        examples=["10.20.0.0/16:443"],
        description="Further destinations of the S3 client, as `openWebui.egress`: an endpoint with a name of a "
        "private network, a proxy.",
    )

    def problems(self) -> Iterator[Problem]:
        unused = sorted(self.model_fields_set - {"bucket"})
        if unused and not self.bucket:
            key = to_camel(unused[0])
            yield Problem(
                keys=(key, "bucket"),
                message=f"{key} without bucket: nothing is copied to any bucket",
                allowed="a bucket, or none of the keys of s3",
                fix=Fix.REMOVE,
            )
        yield from self._endpoint_problems()
        yield from self._encryption_problems()

    def _endpoint_problems(self) -> Iterator[Problem]:
        destination = destination_of_url(self.endpoint_url) if self.endpoint_url else None
        if (
            self.endpoint_url
            and self.endpoint_url.startswith("http://")
            and not (destination and is_inside(destination))
        ):
            yield Problem(
                keys=("endpointUrl",),
                message=f"endpointUrl {self.endpoint_url} has no TLS and is not a Service of the cluster: the database "
                "would cross the network in plain text",
                allowed="an https URL, or http with a Service of the cluster (service.namespace.svc)",
                fix="https://s3.example.com",
            )

    def _encryption_problems(self) -> Iterator[Problem]:
        needs_key = self.encryption == "sse-kms"
        if needs_key and not self.kms_key_id:
            yield Problem(
                keys=("encryption", "kmsKeyId"),
                message="encryption sse-kms without kmsKeyId: there is no key to encrypt with",
                allowed="kmsKeyId, or another encryption",
                fix="none",
            )
        if self.kms_key_id and not needs_key:
            yield Problem(
                keys=("kmsKeyId", "encryption"),
                message=f"kmsKeyId has no effect with encryption {self.encryption}",
                allowed="remove kmsKeyId, or encryption sse-kms",
                fix=Fix.REMOVE,
            )

    def missing(self, key: str, user: str) -> Iterator[Problem]:
        """The problem of a bucket that is required but not named.

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

    @property
    def uses_keys(self) -> bool:
        """Whether the credentials are secrets of the config."""
        return self.bucket is not None and self.credentials == "secret"

    @property
    def url(self) -> str:
        """``s3://bucket/prefix``."""
        return f"s3://{self.bucket}/{self.prefix}"

    def services(self, annotations: Mapping[str, str]) -> Iterator[tuple[str, Destination]]:
        """The services that the client connects to, each with its config key; empty without a bucket.

        Args:
            annotations: those of the ServiceAccount.
        """
        if not self.bucket:
            return
        urls = [("endpointUrl", self.endpoint_url or _AWS)]
        if self.credentials == "serviceAccount":
            urls.append(("credentials", _STS if ROLE_OF_AWS in annotations else _POD_IDENTITY_AGENT))
        yield from ((key, each) for key, url in urls if (each := destination_of_url(url)))

    @property
    def targets(self) -> list[Destination]:
        """The destinations of `egress`."""
        return [destination_of_target(target) for target in self.egress]

    def destinations(self, annotations: Mapping[str, str]) -> list[Destination]:
        """The destinations of the client, for network policies; empty without a bucket.

        Args:
            annotations: those of the ServiceAccount.
        """
        return [*(each for _, each in self.services(annotations)), *self.targets]

    def variables(self) -> dict[str, str]:
        """Environment of the containers that use the bucket, without credentials."""
        optional = {
            "BUCKET": self.bucket,
            "BUCKET_PREFIX": self.prefix,
            "BUCKET_ENDPOINT_URL": self.endpoint_url,
            "BUCKET_REGION": self.region,
            "BUCKET_ADDRESSING_STYLE": self.addressing_style,
            "BUCKET_ENCRYPTION": self.encryption,
            "BUCKET_KMS_KEY_ID": self.kms_key_id,
        }
        return {name: value for name, value in optional.items() if value}
