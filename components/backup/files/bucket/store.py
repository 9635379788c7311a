"""The bucket. Each object is read back after it was written."""

import importlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import age
from .streams import Measured, Readable, Reader

_CONNECT_SECONDS, _READ_SECONDS = 10, 60
_ATTEMPTS = 8
_MEBIBYTE = 1024 * 1024
# S3 has 10,000 parts at most: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
_PARTS, _LEAST_PART = 9000, 16 * _MEBIBYTE
_READ = _MEBIBYTE
# Parts in memory at a time: two in transfer, one that is read.
_THREADS, _PARTS_IN_MEMORY = 2, 1
_KEYS = "backupS3AccessKeyId and backupS3SecretAccessKey"
_CREDENTIALS = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken")
_RIGHTS = {
    "ListObjectsV2": "s3:ListBucket",
    "HeadObject": "s3:GetObject",
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "DeleteObjects": "s3:DeleteObject",
    "ListMultipartUploads": "s3:ListBucketMultipartUploads",
}


class BucketError(Exception):
    """The bucket cannot be used, or an object differs from the manifest. The message is for the operator."""


@dataclass(frozen=True, kw_only=True)
class Stored:
    """An object in the bucket as it is stored, which may be encrypted by age."""

    key: str
    size: int
    """Bytes."""

    sha256: str
    """In hexadecimal."""

    plain_size: int
    plain_sha256: str


class Store:
    """The bucket of the environment, and how objects are encrypted in it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.name = environment["BUCKET"]
        self.prefix = environment["BUCKET_PREFIX"].strip("/")
        self.encryption = environment.get("BUCKET_ENCRYPTION", "none")
        recipients = environment.get("AGE_RECIPIENTS", "").split(",")
        self.recipients = [age.recipient_key(each) for each in recipients if each]
        with self._explained():
            self._client = self._connected()

    @property
    def where(self) -> str:
        """The place of the sets, for messages."""
        endpoint = self._environment.get("BUCKET_ENDPOINT_URL")
        return f"s3://{self.name}/{self.prefix}" + (f" at {endpoint}" if endpoint else "")

    @property
    def suffix(self) -> str:
        """Suffix of the keys of encrypted objects."""
        return ".age" if self.recipients else ""

    def write(self, key: str, source: Readable, size: int) -> Stored:
        """Write an object, encrypted for the recipients if there are any, and read it back.

        Args:
            key: of the object, without the suffix.
            source: the plain contents.
            size: the minimum size of the contents, which determines the size of the parts.

        Raises:
            BucketError: it was not written, or what is read back differs.
        """
        plain = Measured(source)
        sent = Measured(age.encrypted(plain, self.recipients) if self.recipients else plain)
        self._upload(key + self.suffix, sent, size)
        return self._proved(key + self.suffix, sent, plain)

    def write_open(self, key: str, text: str) -> Stored:
        """Write a small object that holds no data of users, never encrypted by age, and read it back."""
        sent = Measured(Reader([text.encode()]))
        self._upload(key, sent, 0)
        return self._proved(key, sent, sent)

    def _upload(self, key: str, sent: Measured, size: int) -> None:
        transfer = importlib.import_module("boto3.s3.transfer")
        part = max(_LEAST_PART, -(-size // _PARTS // _MEBIBYTE) * _MEBIBYTE)
        config = transfer.TransferConfig(multipart_threshold=part, multipart_chunksize=part, max_concurrency=_THREADS)
        config.max_in_memory_upload_chunks = _PARTS_IN_MEMORY
        with self._explained():
            self._client.upload_fileobj(sent, self.name, key, ExtraArgs=self._encryption_headers(), Config=config)

    def _proved(self, key: str, sent: Measured, plain: Measured) -> Stored:
        stored = Stored(key=key, size=sent.size, sha256=sent.sha256, plain_size=plain.size, plain_sha256=plain.sha256)
        back = Measured(self.open(key))
        self._drained(back)
        if (back.size, back.sha256) != (stored.size, stored.sha256):
            raise BucketError(f"{key} in {self.where} is not what was sent: its checksum differs.")
        return stored

    def read(self, stored: Stored, target: Any, identity: bytes | None) -> None:
        """Copy the plain contents of an object into a file, and compare their checksums.

        Args:
            stored: the object, as its set describes it.
            target: file to write to.
            identity: private key of age; None if the object is not encrypted.

        Raises:
            BucketError: the object is missing, or differs from what was stored.
            AgeError: it cannot be decrypted.
        """
        received = Measured(self.open(stored.key))
        source: Readable = received
        if stored.key.endswith(".age"):
            if identity is None:
                raise BucketError("The set is encrypted for age: its identity is needed (--age-identity FILE).")
            source = age.decrypted(Reader(iter(lambda: received.read(_READ), b"")), identity)
        plain = Measured(source)
        while part := self._part(plain):
            target.write(part)
        self._drained(received)
        if received.sha256 != stored.sha256 or plain.sha256 != stored.plain_sha256:
            raise BucketError(f"{stored.key} in {self.where} is not what was stored: its checksum differs.")

    def _part(self, source: Readable) -> bytes:
        with self._explained():
            return source.read(_READ)

    def _drained(self, source: Readable) -> None:
        while self._part(source):
            pass

    def open(self, key: str) -> Any:
        """The stored contents of an object, as a stream."""
        with self._explained(key):
            return self._client.get_object(Bucket=self.name, Key=key)["Body"]

    def text(self, key: str) -> str:
        """The contents of a small object that is not encrypted by age."""
        body = self.open(key)
        with self._explained():
            return str(body.read().decode())

    def json(self, key: str) -> Any:
        """The value of a small JSON object."""
        try:
            return json.loads(self.text(key))
        except ValueError:
            raise BucketError(f"{key} in {self.where} is damaged.") from None

    def keys(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Keys and sizes of the objects under a prefix."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
        with self._explained():
            for page in pages:
                for each in page.get("Contents", []):
                    yield each["Key"], each["Size"]

    def directories(self, prefix: str) -> Iterator[str]:
        """Prefixes right under a prefix, each with its `/`."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix, Delimiter="/")
        with self._explained():
            for page in pages:
                for each in page.get("CommonPrefixes", []):
                    yield each["Prefix"]

    def remove(self, keys: Iterable[str]) -> None:
        """Delete objects. A missing object is not an error."""
        for key in keys:
            # One by one: DeleteObjects requires a checksum on some services, which others refuse.
            with self._explained():
                self._client.delete_object(Bucket=self.name, Key=key)

    def abort_uploads(self, prefix: str) -> int:
        """Abort multipart uploads of killed runs: they use storage, but no list of objects contains them."""
        aborted = 0
        pages = self._client.get_paginator("list_multipart_uploads").paginate(Bucket=self.name, Prefix=prefix)
        with self._explained():
            for page in pages:
                for each in page.get("Uploads", []):
                    self._client.abort_multipart_upload(Bucket=self.name, Key=each["Key"], UploadId=each["UploadId"])
                    aborted += 1
        return aborted

    def _encryption_headers(self) -> dict[str, str]:
        if self.encryption == "sse-s3":
            return {"ServerSideEncryption": "AES256"}
        if self.encryption == "sse-kms":
            return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self._environment["BUCKET_KMS_KEY_ID"]}
        return {}

    def _connected(self) -> Any:
        environment = self._environment
        config = importlib.import_module("botocore.config").Config(
            s3={"addressing_style": environment.get("BUCKET_ADDRESSING_STYLE", "auto")},
            # Services other than AWS refuse the checksums that the client adds by default.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            retries={"total_max_attempts": _ATTEMPTS, "mode": "standard"},
        )
        return importlib.import_module("boto3").client(
            "s3",
            endpoint_url=environment.get("BUCKET_ENDPOINT_URL"),
            region_name=environment.get("BUCKET_REGION"),
            config=config,
            **self._credentials(),
        )

    def _credentials(self) -> dict[str, str]:
        """The keys. Without keys the client uses the role of the ServiceAccount."""
        directory = self._environment.get("BUCKET_CREDENTIALS")
        if not directory:
            return {}
        files = {"aws_access_key_id": "access-key-id", "aws_secret_access_key": "secret-access-key"}
        return {name: Path(directory, file).read_text().strip() for name, file in files.items()}

    @contextmanager
    def _explained(self, key: str = "") -> Iterator[None]:
        exceptions = importlib.import_module("botocore.exceptions")
        try:
            yield
        except exceptions.ClientError as error:
            raise BucketError(self._explanation(error, key)) from None
        except exceptions.NoCredentialsError:
            raise BucketError(
                f"There are no credentials for {self.where}: set {_KEYS}, or "
                "backup.s3.credentials to serviceAccount where the cluster gives the pods a role of AWS."
            ) from None
        except exceptions.BotoCoreError as error:
            # Only the class: a message of the client may quote its arguments.
            raise BucketError(f"{self.where} cannot be reached: {type(error).__name__}.") from None

    def _explanation(self, error: Any, key: str) -> str:
        code, operation = str(error.response.get("Error", {}).get("Code", "")), error.operation_name
        if code in ("NoSuchKey", "404") and key:
            return f"{key} is missing in {self.where}."
        if code in ("NoSuchBucket", "404"):
            return f"There is no bucket {self.name}. Create it, or correct backup.s3.bucket."
        if code in _CREDENTIALS:
            return f"{self.where} does not accept the credentials ({code}): set {_KEYS}."
        if code in ("PermanentRedirect", "301", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"):
            return f"The bucket {self.name} is in another region ({code}): correct backup.s3.region."
        if code in ("AccessDenied", "403"):
            right = _RIGHTS.get(operation, f"s3:{operation}")
            return f"The credentials are not allowed to use {self.where} ({code} for {right})."
        if operation == "AssumeRoleWithWebIdentity":
            return f"The role does not admit the ServiceAccount of the backups ({code}): correct its trust policy."
        return f"{self.where} answers with the error {code} for {operation}."
