"""Settings of the bucket that proved dumps are copied to."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from ..blocks.addresses import EgressTarget
from ..blocks.base_settings import Fix, Problem, Settings
from ..blocks.cloud_identity import ROLE_OF_AWS
from ..blocks.destinations import Destination, destination_of_target, destination_of_url, is_inside
from ..blocks.names import HttpUrl
from ..blocks.patterns import matching
from .files.bucket.bech32 import decode

ACCESS_KEY, SECRET_KEY = "backupS3AccessKey", "backupS3SecretKey"
"""Secret config keys of the credentials."""

SECRETS: Mapping[str, str] = {
    ACCESS_KEY: "Access key of the bucket of backups. Required with `backup.s3.bucket`, unless `backup.s3.credentials` "
    "is `serviceAccount`.",
    SECRET_KEY: "Secret key of the bucket of backups. Required with `backup.s3.bucket`, unless `backup.s3.credentials` "
    "is `serviceAccount`.",
}
"""The same with their descriptions."""

_AWS = "https://s3.amazonaws.com"
_STS = "https://sts.amazonaws.com"
# https://docs.aws.amazon.com/eks/latest/userguide/pod-id-agent-setup.html
_POD_IDENTITY_AGENT = "http://169.254.170.23"

_EXAMPLE = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"

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


def _recipient(text: str) -> str:
    decoded = decode(text)
    if decoded and decoded[0] == "age" and len(decoded[1]) == 32 and text.islower():
        return text
    # A private key that ended up here is not shown in the report.
    raise PydanticCustomError(
        "age_recipient",
        "not a recipient of age, or one with a typing error: its checksum is wrong",
        {"allowed": "age1 and 58 letters and digits, as `age-keygen` prints it", "example": _EXAMPLE, "hide": True},
    )


AgeRecipient = Annotated[str, AfterValidator(_recipient)]
"""A public key of age."""


class BucketSettings(Settings):
    """`backup.s3` in the stack's config."""

    bucket: Annotated[str, _bucket] | None = Field(
        None, examples=["open-webui-backups"], description="Existing bucket. Default: dumps stay in the cluster."
    )
    endpoint: HttpUrl | None = Field(
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
        description="Where a URL names the bucket: `path` or, before the host, `virtual`. `auto` is `path` with an "
        "endpoint.",
    )
    credentials: Literal["secret", "serviceAccount"] = Field(
        "secret",
        description=f"`secret`: the secrets `{ACCESS_KEY}` and `{SECRET_KEY}`. `serviceAccount`: the role of the "
        "ServiceAccount `postgres-backup`, by EKS Pod Identity or, with the annotation `eks.amazonaws.com/role-arn`, "
        "by IRSA.",
    )
    encryption: Literal["none", "sse-s3", "sse-kms", "age"] = Field(
        "none",
        description="`none`: the bucket's own default. `sse-s3`, `sse-kms`: by the service, with its key or that of "
        "`kmsKeyId`. `age`: before it leaves the pod, for `ageRecipients`; the cluster cannot decrypt it.",
    )
    kms_key_id: str | None = Field(
        None,
        min_length=1,
        examples=["arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"],
        description="Key of AWS KMS, or of a service with its API. Required with `sse-kms`.",
    )
    age_recipients: list[AgeRecipient] = Field(
        [],
        examples=[_EXAMPLE],
        description="Public keys of age. The owner of any one can restore. Required with `age`.",
    )
    keep: int = Field(
        30,
        ge=1,
        le=3660,
        description="Sets to keep. An older one is removed only after a newer one was read back from the bucket.",
    )

    egress: list[EgressTarget] = Field(
        [],
        examples=["10.20.0.0/16:443"],
        description="Further destinations of the backups, as `openWebui.egress`: an endpoint with a name of a private "
        "network, a proxy.",
    )

    def problems(self) -> Iterator[Problem]:
        without = sorted(self.model_fields_set - {"bucket"})
        if without and not self.bucket:
            key = _alias(without[0])
            yield Problem(
                keys=(key, "bucket"),
                message=f"{key} without bucket: dumps are not copied to any bucket",
                allowed="a bucket, or none of the keys of s3",
                fix=Fix.REMOVE,
            )
        yield from self._endpoint_problems()
        yield from self._encryption_problems()

    def _endpoint_problems(self) -> Iterator[Problem]:
        destination = destination_of_url(self.endpoint) if self.endpoint else None
        if self.endpoint and self.endpoint.startswith("http://") and not (destination and is_inside(destination)):
            yield Problem(
                keys=("endpoint",),
                message=f"endpoint {self.endpoint} has no TLS and is not a Service of the cluster: dumps would cross "
                "the network in plain text",
                allowed="an https URL, or http with a Service of the cluster (service.namespace.svc)",
                fix="https://s3.example.com",
            )

    def _encryption_problems(self) -> Iterator[Problem]:
        needed = {"kms_key_id": "sse-kms", "age_recipients": "age"}
        for field, encryption in needed.items():
            key, is_set = _alias(field), bool(getattr(self, field))
            if self.encryption == encryption and not is_set:
                yield Problem(
                    keys=("encryption", key),
                    message=f"encryption {encryption} without {key}: there is no key to encrypt with",
                    allowed=f"{key}, or another encryption",
                    fix="none",
                )
            if self.encryption != encryption and is_set:
                yield Problem(
                    keys=(key, "encryption"),
                    message=f"{key} has no effect with encryption {self.encryption}",
                    allowed=f"remove {key}, or encryption {encryption}",
                    fix=Fix.REMOVE,
                )

    @property
    def uses_keys(self) -> bool:
        """Whether the credentials are secrets of the config."""
        return self.bucket is not None and self.credentials == "secret"

    def destinations(self, annotations: Mapping[str, str]) -> Iterator[tuple[str, Destination]]:
        """Where the client connects to, each with its key.

        Args:
            annotations: those of the ServiceAccount.
        """
        if not self.bucket:
            return
        urls = [("endpoint", self.endpoint or _AWS)]
        if self.credentials == "serviceAccount":
            urls.append(("credentials", _STS if ROLE_OF_AWS in annotations else _POD_IDENTITY_AGENT))
        yield from ((key, each) for key, url in urls if (each := destination_of_url(url)))

    @property
    def targets(self) -> list[Destination]:
        """The destinations of `egress`."""
        return [destination_of_target(target) for target in self.egress]

    def variables(self) -> dict[str, str]:
        """Environment of the containers that use the bucket, without secrets."""
        optional = {
            "BUCKET": self.bucket,
            "BUCKET_ENDPOINT": self.endpoint,
            "BUCKET_REGION": self.region,
            "BUCKET_PREFIX": self.prefix,
            "BUCKET_ADDRESSING_STYLE": self.addressing_style,
            "BUCKET_ENCRYPTION": self.encryption,
            "BUCKET_KEEP": str(self.keep),
            "KMS_KEY_ID": self.kms_key_id,
            "AGE_RECIPIENTS": ",".join(self.age_recipients),
        }
        return {name: value for name, value in optional.items() if value}


def _alias(field: str) -> str:
    return BucketSettings.model_fields[field].alias or field
