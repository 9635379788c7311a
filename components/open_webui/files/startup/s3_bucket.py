"""The bucket of uploads in S3, as ``S3StorageProvider`` of Open WebUI uses it."""

import os
from collections.abc import Callable
from functools import cached_property
from typing import Any

from .bucket import CONNECT_SECONDS, CONTENTS, PROBE, READ_SECONDS, Bucket, Outage, Refusal

_TIMEOUTS = {
    "connect_timeout": CONNECT_SECONDS,
    "read_timeout": READ_SECONDS,
    "retries": {"total_max_attempts": 3, "mode": "standard"},
}
# Error codes of S3: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
_CREDENTIALS = (
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "AuthorizationHeaderMalformed",
)
_ELSEWHERE = ("PermanentRedirect", "301", "IllegalLocationConstraintException")
_RIGHTS = {"ListObjectsV2": "s3:ListBucket"}
"""Permission that an operation needs, if its name differs from the operation."""


class S3Bucket(Bucket):
    """The bucket ``S3_BUCKET_NAME``."""

    KEY = "openWebui.uploads.s3"

    def steps(self, *, write: bool) -> list[Callable[[], object]]:
        name, prefix = self._name, self.environment.get("S3_KEY_PREFIX", "")
        probe = {"Bucket": name, "Key": os.path.join(prefix, PROBE)}
        steps: list[Callable[[], object]] = [
            lambda: self._client.list_objects_v2(Bucket=name, MaxKeys=1, Prefix=prefix),
        ]
        if not write:
            return steps
        steps.append(lambda: self._client.put_object(**probe, Body=CONTENTS))
        if self.environment.get("S3_ENABLE_TAGGING", "false").lower() == "true":
            tagging = {"TagSet": [{"Key": "source", "Value": PROBE}]}
            steps.append(lambda: self._client.put_object_tagging(**probe, Tagging=tagging))
        return [
            *steps,
            lambda: self._client.get_object(**probe)["Body"].read(),
            lambda: self._client.delete_object(**probe),
        ]

    def explain(self, error: Exception) -> Refusal | Outage:
        exceptions = self.module("botocore.exceptions")
        if isinstance(error, exceptions.ClientError):
            return self._explain_answer(error)
        if isinstance(error, exceptions.NoCredentialsError):
            return Refusal(
                reason=f"There are no credentials for the bucket {self._name} {self._where}: set s3AccessKeyId and "
                f"s3SecretAccessKey, or {self.KEY}.credentials to serviceAccount where the cluster gives the pods a "
                "role of AWS."
            )
        if isinstance(error, exceptions.ParamValidationError):
            return Refusal(reason=f"{self._name!r} is not a name of a bucket: correct {self.KEY}.bucketName.")
        if isinstance(error, (exceptions.CredentialRetrievalError, exceptions.InvalidConfigError)):
            return Outage(reason=f"The credentials of the ServiceAccount cannot be had: {type(error).__name__}.")
        # Only the class: a message of the client may quote its arguments.
        return Outage(reason=f"The S3 service {self._where} cannot be reached: {type(error).__name__}.")

    def _explain_answer(self, error: Any) -> Refusal | Outage:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if error.operation_name == "AssumeRoleWithWebIdentity":
            role = self.environment.get("AWS_ROLE_ARN", "")
            return Refusal(
                reason=f"The role {role} does not admit the ServiceAccount of the web pods ({code}): correct the trust "
                "policy of the role, or the annotation in openWebui.serviceAccount.annotations."
            )
        if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500:
            return Outage(reason=f"The S3 service {self._where} answers with the error {code}.")
        return Refusal(reason=self._refusal(code, error.operation_name))

    def _refusal(self, code: str, operation: str) -> str:
        where = self._where
        if code in ("NoSuchBucket", "404"):
            return f"There is no bucket {self._name} {where}. Create it, or correct {self.KEY}.bucketName."
        if code in _CREDENTIALS:
            return (
                f"The S3 service {where} does not accept the credentials ({code}). Set s3AccessKeyId and "
                "s3SecretAccessKey: pulumi config set --secret"
            )
        if code in _ELSEWHERE:
            return f"The bucket {self._name} is in another region ({code}): correct {self.KEY}.regionName."
        if code in ("AccessDenied", "403", "AllAccessDisabled"):
            right = _RIGHTS.get(operation, f"s3:{operation}")
            return (
                f"The credentials are not allowed to use the bucket {self._name} {where} ({code} for {right}). They "
                "need s3:ListBucket on it and s3:GetObject, s3:PutObject, s3:DeleteObject on its objects; or the "
                "bucket belongs to somebody else."
            )
        return f"The S3 service {where} refuses the bucket {self._name} with the error {code} for {operation}."

    @property
    def _name(self) -> str:
        return self.environment.get("S3_BUCKET_NAME", "")

    @property
    def _where(self) -> str:
        endpoint = self.environment.get("S3_ENDPOINT_URL")
        return f"at {endpoint}" if endpoint else "of AWS"

    @cached_property
    def _client(self) -> Any:
        environment = self.environment
        addressing = environment.get("S3_ADDRESSING_STYLE")
        accelerate = environment.get("S3_USE_ACCELERATE_ENDPOINT", "false").lower() == "true"
        key, secret = environment.get("S3_ACCESS_KEY_ID"), environment.get("S3_SECRET_ACCESS_KEY")
        return self.module("boto3").client(
            "s3",
            region_name=environment.get("S3_REGION_NAME"),
            endpoint_url=environment.get("S3_ENDPOINT_URL"),
            config=self.module("botocore.config").Config(
                s3={"use_accelerate_endpoint": accelerate, "addressing_style": addressing},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                **_TIMEOUTS,
            ),
            # Without both, the client finds credentials of the pod's own (workload identity), as Open WebUI does.
            **({"aws_access_key_id": key, "aws_secret_access_key": secret} if key and secret else {}),
        )
