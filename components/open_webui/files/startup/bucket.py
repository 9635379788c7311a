"""Whether the bucket of the uploads can be used, asked with the client that Open WebUI makes.

Source: ``S3StorageProvider`` in ``open_webui.storage.provider`` of release 0.12.4.
"""

import importlib
from collections.abc import Mapping
from typing import Any

_TIMEOUTS = {"connect_timeout": 5, "read_timeout": 10, "retries": {"total_max_attempts": 3, "mode": "standard"}}
# Error codes of S3: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
_CREDENTIALS = (
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "AuthorizationHeaderMalformed",
)
_ELSEWHERE = ("PermanentRedirect", "301", "IllegalLocationConstraintException")


class BucketUnreachableError(Exception):
    """The S3 service does not answer; the message says why."""


def bucket_problem(environment: Mapping[str, str]) -> str | None:
    """Why uploads to the bucket would fail; None without a bucket or if they would not.

    It lists one object, which needs the right ``s3:ListBucket``: unlike that to a HEAD request, the answer names the
    reason of a refusal. Open WebUI itself lists the bucket when every file is deleted.

    Raises:
        BucketUnreachableError: the service does not answer, or not as S3 does.
    """
    if environment.get("STORAGE_PROVIDER") != "s3":
        return None
    exceptions: Any = importlib.import_module("botocore.exceptions")
    bucket = environment.get("S3_BUCKET_NAME", "")
    where = f"at {environment['S3_ENDPOINT_URL']}" if environment.get("S3_ENDPOINT_URL") else "of AWS"
    try:
        _client(environment).list_objects_v2(Bucket=bucket, MaxKeys=1, Prefix=environment.get("S3_KEY_PREFIX", ""))
    except exceptions.ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500:
            raise BucketUnreachableError(f"The S3 service {where} answers with the error {code}.") from error
        return _refusal(code, bucket, where)
    except exceptions.NoCredentialsError:
        return f"There are no credentials for the bucket {bucket} {where}: set s3AccessKeyId and s3SecretAccessKey."
    except exceptions.ParamValidationError:
        return f"{bucket!r} is not a name of a bucket: correct openWebui.uploads.s3.bucketName."
    except (exceptions.BotoCoreError, ValueError, OSError) as error:
        # The class alone, as a message of the client may quote what it was given.
        raise BucketUnreachableError(f"The S3 service {where} cannot be reached: {type(error).__name__}.") from error
    return None


def _refusal(code: str, bucket: str, where: str) -> str:
    if code in ("NoSuchBucket", "404"):
        return f"There is no bucket {bucket} {where}. Create it, or correct openWebui.uploads.s3.bucketName."
    if code in _CREDENTIALS:
        return (
            f"The S3 service {where} does not accept the credentials ({code}). Set s3AccessKeyId and "
            "s3SecretAccessKey: pulumi config set --secret"
        )
    if code in _ELSEWHERE:
        return f"The bucket {bucket} is in another region ({code}): correct openWebui.uploads.s3.regionName."
    if code in ("AccessDenied", "403", "AllAccessDisabled"):
        return (
            f"The credentials must not use the bucket {bucket} {where} ({code}). They need s3:ListBucket on it and "
            "s3:GetObject, s3:PutObject, s3:DeleteObject on its objects; or the bucket belongs to somebody else."
        )
    return f"The S3 service {where} refuses the bucket {bucket} with the error {code}."


def _client(environment: Mapping[str, str]) -> Any:
    config: Any = importlib.import_module("botocore.config").Config
    addressing = environment.get("S3_ADDRESSING_STYLE")
    accelerate = environment.get("S3_USE_ACCELERATE_ENDPOINT", "false").lower() == "true"
    key, secret = environment.get("S3_ACCESS_KEY_ID"), environment.get("S3_SECRET_ACCESS_KEY")
    return importlib.import_module("boto3").client(
        "s3",
        region_name=environment.get("S3_REGION_NAME"),
        endpoint_url=environment.get("S3_ENDPOINT_URL"),
        config=config(
            s3={"use_accelerate_endpoint": accelerate, "addressing_style": addressing},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            **_TIMEOUTS,
        ),
        # Without both, the client finds credentials of the pod's own (workload identity), as Open WebUI does.
        **({"aws_access_key_id": key, "aws_secret_access_key": secret} if key and secret else {}),
    )
