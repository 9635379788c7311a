"""Configs of the bucket of backups with one error each: the key that the report names, and a hint in it."""

from collections.abc import Mapping

_RECIPIENT = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"


def _s3(**keys: object) -> Mapping[str, object]:
    return {"backup": {"enabled": True, "s3": {"bucket": "backups", "credentials": "serviceAccount", **keys}}}


BACKUP_MISTAKES: list[tuple[str, Mapping[str, object], str, str]] = [
    (
        "a bucket of backups without its keys",
        {"backup": {"enabled": True, "s3": {"bucket": "backups"}}},
        "backupS3SecretAccessKey",
        "an encrypted value",
    ),
    (
        "an endpoint of backups without a bucket",
        {"backup": {"enabled": True, "s3": {"endpointUrl": "https://s3.example.com"}}},
        "backup.s3.endpointUrl",
        "nothing is copied to any bucket",
    ),
    (
        "a bucket without backups",
        {"backup": {"enabled": False, "s3": {"bucket": "backups", "credentials": "serviceAccount"}}},
        "backup.s3.bucket",
        "there are no dumps to copy",
    ),
    (
        "dumps that cross the network in plain text",
        _s3(endpointUrl="http://s3.example.com"),
        "backup.s3.endpointUrl",
        "http with a Service of the cluster",
    ),
    (
        "an endpoint that public DNS does not have",
        _s3(endpointUrl="https://s3.corp:9000"),
        "backup.s3.egress",
        "CIDR:9000",
    ),
    ("an encryption that the service does not have", _s3(encryption="age"), "backup.s3.encryption", "sse-kms"),
    (
        "a recipient of age with a typing error",
        _s3(ageRecipients=[_RECIPIENT.replace("ql3z", "ql3y")]),
        "backup.s3.ageRecipients[0]",
        "its checksum is wrong",
    ),
    ("AWS KMS without a key", _s3(encryption="sse-kms"), "backup.s3.encryption", "kmsKeyId"),
    ("a key of AWS KMS that is not used", _s3(kmsKeyId="alias/backups"), "backup.s3.kmsKeyId", "sse-kms"),
    ("no set to keep", _s3(keep=0), "backup.s3.keep", "1"),
    ("a prefix that ends with a slash", _s3(prefix="prod/"), "backup.s3.prefix", "not at the ends"),
    ("a bucket of backups in capitals", _s3(bucket="Backups"), "backup.s3.bucket", "lower-case"),
]
