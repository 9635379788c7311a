"""What the keys of the bucket of backups do."""

from collections.abc import Callable
from typing import Any

from tests.support.unit.effects import BACKUP, BACKUP_BUCKET, Effect, inputs
from tests.support.unit.recording import Recording

RECIPIENT = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"

SECRETS = {"backupS3AccessKeyId": "AKIAEXAMPLE", "backupS3SecretAccessKey": "s3cret"}

_KEYED = (*BACKUP, "backup.s3.bucket=backups")
_ROLE = "arn:aws:iam::123456789012:role/backups"


def variable(name: str) -> Callable[[Recording], object]:
    """The plain value of a variable of the container that copies a dump to the bucket."""

    def value(recording: Recording) -> object:
        return {v["name"]: v.get("value") for v in recording.containers["postgres-backup/bucket"]["env"]}.get(name)

    return value


def credential(name: str) -> Callable[[Recording], object]:
    """The value of a file in the volume of the bucket's credentials."""

    def value(recording: Recording) -> object:
        for source in credentials(recording):
            for item in source["secret"]["items"]:
                if item["path"] == name:
                    return recording.one("Secret", source["secret"]["name"]).plain("stringData", item["key"])
        return None

    return value


def credentials(recording: Recording) -> list[dict[str, Any]]:
    """Sources of the volume of the bucket's credentials."""
    volumes = recording.every_pod["postgres-backup"]["volumes"]
    projected = (each["projected"]["sources"] for each in volumes if each["name"] == "bucket-credentials")
    return list(next(projected, []))


def _effect(key: str, value: str, name: str, *sets: str) -> tuple[str, Effect]:
    return f"backup.s3.{key}", Effect(value=value, sets=(*BACKUP_BUCKET, *sets), shows=variable(name), expected=value)


EFFECTS: dict[str, Effect] = {
    "backup.s3.bucket": Effect(
        value="backups",
        sets=(*BACKUP, "backup.s3.credentials=serviceAccount"),
        shows=variable("BUCKET"),
        expected="backups",
    ),
    **dict(
        [
            _effect("endpointUrl", "https://s3.example.com", "BUCKET_ENDPOINT_URL"),
            _effect("region", "eu-central-1", "BUCKET_REGION"),
            _effect("prefix", "open-webui/prod", "BUCKET_PREFIX"),
            _effect("addressingStyle", "virtual", "BUCKET_ADDRESSING_STYLE"),
            _effect("encryption", "sse-s3", "BUCKET_ENCRYPTION"),
            _effect("kmsKeyId", "alias/backups", "BUCKET_KMS_KEY_ID", "backup.s3.encryption=sse-kms"),
            _effect("keep", "90", "BUCKET_KEEP"),
        ]
    ),
    "backup.s3.ageRecipients": Effect(
        value="",
        sets=(*BACKUP_BUCKET, f"backup.s3.ageRecipients[0]={RECIPIENT}"),
        shows=variable("AGE_RECIPIENTS"),
        expected=RECIPIENT,
    ),
    "backup.s3.credentials": Effect(
        value="serviceAccount",
        sets=_KEYED,
        shows=credentials,
        expected=[],
    ),
    "backup.s3.egress": Effect(
        value="",
        sets=(*BACKUP_BUCKET, "backup.s3.egress[0]=10.20.0.0/16:9000"),
        shows=inputs("NetworkPolicy", "postgres-backup", "spec", "egress", -1),
        expected={
            "to": [{"ipBlock": {"cidr": "10.20.0.0/16"}}],
            "ports": [{"protocol": "TCP", "port": 9000}],
        },
    ),
    "backup.serviceAccount.annotations": Effect(
        value="",
        sets=(*BACKUP_BUCKET, f'backup.serviceAccount.annotations["eks.amazonaws.com/role-arn"]={_ROLE}'),
        shows=inputs("ServiceAccount", "postgres-backup", "metadata", "annotations"),
        expected={"eks.amazonaws.com/role-arn": _ROLE},
    ),
    "backupS3AccessKeyId": Effect(
        value="", sets=_KEYED, secrets=SECRETS, shows=credential("access-key-id"), expected="AKIAEXAMPLE"
    ),
    "backupS3SecretAccessKey": Effect(
        value="", sets=_KEYED, secrets=SECRETS, shows=credential("secret-access-key"), expected="s3cret"
    ),
}
