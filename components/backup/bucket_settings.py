"""Settings of the bucket that proved dumps are copied to."""

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from ..blocks.bucket_settings import BucketKeys, BucketSettings
from .files.bucket.bech32 import decode

KEYS = BucketKeys(setting="backup.s3", access_key_id="backupS3AccessKeyId", secret_access_key="backupS3SecretAccessKey")
SECRETS = KEYS.descriptions("backup.s3.bucket")
"""Secret config keys of the credentials, with their descriptions."""

_EXAMPLE = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"


def _recipient(text: str) -> str:
    decoded = decode(text)
    if decoded and decoded[0] == "age" and len(decoded[1]) == 32 and text.islower():
        return text
    # The report does not quote the value: it may be a private key.
    raise PydanticCustomError(
        "age_recipient",
        "not a recipient of age, or one with a typing error: its checksum is wrong",
        {"allowed": "age1 and 58 letters and digits, as `age-keygen` prints it", "example": _EXAMPLE, "hide": True},
    )


AgeRecipient = Annotated[str, AfterValidator(_recipient)]
"""A public key of age."""


class BackupBucketSettings(BucketSettings):
    """`backup.s3` in the stack's config."""

    age_recipients: list[AgeRecipient] = Field(
        [],
        examples=[_EXAMPLE],
        description="Public keys of age. The pod encrypts dumps and uploaded files for these keys before it sends "
        "them: the owner of any private key can restore, and the cluster cannot decrypt.",
    )
    keep: int = Field(
        30,
        ge=1,
        le=3660,
        description="Sets to keep. The backup removes an older set only after it has read a newer one back from the "
        "bucket.",
    )

    def variables(self) -> dict[str, str]:
        recipients = {"AGE_RECIPIENTS": ",".join(self.age_recipients)} if self.age_recipients else {}
        return {**super().variables(), "BUCKET_KEEP": str(self.keep), **recipients}
