"""What the keys of the bucket of backups do."""

from collections.abc import Callable

from tests.support.unit.effects import BACKUP, BACKUP_BUCKET, Effect, inputs
from tests.support.unit.recording import Recording

RECIPIENT = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"

SECRETS = {"backupS3AccessKey": "AKIAEXAMPLE", "backupS3SecretKey": "s3cret"}

_KEYED = (*BACKUP, "backup.s3.bucket=backups")
_ROLE = "arn:aws:iam::123456789012:role/backups"


def variable(name: str) -> Callable[[Recording], object]:
    """The plain value of a variable of the container that copies a dump to the bucket."""

    def value(recording: Recording) -> object:
        return {v["name"]: v.get("value") for v in recording.containers["postgres-backup/bucket"]["env"]}.get(name)

    return value


def credential(name: str) -> Callable[[Recording], object]:
    """The value that a variable gets from the Secret of the bucket."""

    def value(recording: Recording) -> object:
        [variable] = [v for v in recording.containers["postgres-backup/bucket"]["env"] if v["name"] == name]
        reference = variable["valueFrom"]["secretKeyRef"]
        return recording.one("Secret", reference["name"]).plain("stringData", reference["key"])

    return value


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
            _effect("endpoint", "https://s3.example.com", "BUCKET_ENDPOINT"),
            _effect("region", "eu-central-1", "BUCKET_REGION"),
            _effect("prefix", "open-webui/prod", "BUCKET_PREFIX"),
            _effect("addressingStyle", "virtual", "BUCKET_ADDRESSING_STYLE"),
            _effect("encryption", "sse-s3", "BUCKET_ENCRYPTION"),
            _effect("kmsKeyId", "alias/backups", "KMS_KEY_ID", "backup.s3.encryption=sse-kms"),
            _effect("keep", "90", "BUCKET_KEEP"),
        ]
    ),
    "backup.s3.ageRecipients": Effect(
        value="",
        sets=(*BACKUP_BUCKET, "backup.s3.encryption=age", f"backup.s3.ageRecipients[0]={RECIPIENT}"),
        shows=variable("AGE_RECIPIENTS"),
        expected=RECIPIENT,
    ),
    "backup.s3.credentials": Effect(
        value="serviceAccount",
        sets=_KEYED,
        shows=variable("AWS_ACCESS_KEY_ID"),
        expected=None,
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
    "backupS3AccessKey": Effect(
        value="", sets=_KEYED, secrets=SECRETS, shows=credential("AWS_ACCESS_KEY_ID"), expected="AKIAEXAMPLE"
    ),
    "backupS3SecretKey": Effect(
        value="", sets=_KEYED, secrets=SECRETS, shows=credential("AWS_SECRET_ACCESS_KEY"), expected="s3cret"
    ),
}
