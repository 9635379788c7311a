"""What the keys of the archive do."""

from collections.abc import Callable

from tests.support.unit.effects import Effect, inputs, line
from tests.support.unit.recording import Recording

SECRETS = {"archiveS3AccessKeyId": "AKIAARCHIVE", "archiveS3SecretAccessKey": "s3cr3t-of-the-archive"}
ON = ("postgresql.archive.enabled=true", "postgresql.archive.s3.bucket=backups")

_KEY = "postgresql.archive"
_ROLE = "arn:aws:iam::123456789012:role/archive"


def _variable(name: str) -> Callable[[Recording], object]:
    return lambda r: {v["name"]: v["value"] for v in r.containers["postgres/archive"]["env"]}[name]


def _of(key: str, value: str, variable: str, expected: str) -> dict[str, Effect]:
    return {
        f"{_KEY}.{key}": Effect(value=value, sets=ON, secrets=SECRETS, shows=_variable(variable), expected=expected)
    }


def _credential(name: str) -> Callable[[Recording], object]:
    return lambda r: r.one("Secret", "postgres-archive").plain("stringData", name)


EFFECTS: dict[str, Effect] = {
    f"{_KEY}.enabled": Effect(
        value="true",
        sets=("postgresql.archive.s3.bucket=backups",),
        secrets=SECRETS,
        shows=line("postgres-conf", "postgresql.conf", "archive_mode = on"),
        expected=True,
    ),
    f"{_KEY}.image": Effect(
        value="mirror/barman:1",
        sets=ON,
        secrets=SECRETS,
        shows=lambda r: r.containers["postgres/archive"]["image"],
        expected="mirror/barman:1",
    ),
    f"{_KEY}.timeoutSeconds": Effect(
        value="45",
        sets=ON,
        secrets=SECRETS,
        shows=line("postgres-conf", "postgresql.conf", "archive_timeout = 45s"),
        expected=True,
    ),
    f"{_KEY}.s3.egress": Effect(
        value="",
        sets=(*ON, "postgresql.archive.s3.egress[0]=10.20.0.0/16:9000"),
        secrets=SECRETS,
        shows=lambda r: [
            inputs("NetworkPolicy", name, "spec", "egress", -1, "ports", 0, "port")(r)
            for name in ("postgres", "postgres-recovery")
        ],
        expected=[9000, 9000],
    ),
    **_of("baseBackupHours", "6", "BASE_BACKUP_HOURS", "6"),
    **_of("retentionDays", "30", "RETENTION_DAYS", "30"),
    **_of("pendingLimit", "1Gi", "PENDING_LIMIT", str(2**30)),
    **_of("s3.bucket", "other", "BUCKET", "other"),
    **_of("s3.prefix", "chats/prod", "BUCKET_PREFIX", "chats/prod"),
    **_of("s3.endpointUrl", "https://10.1.1.1:9000", "BUCKET_ENDPOINT_URL", "https://10.1.1.1:9000"),
    **_of("s3.region", "eu-central-1", "BUCKET_REGION", "eu-central-1"),
    **_of("s3.addressingStyle", "virtual", "BUCKET_ADDRESSING_STYLE", "virtual"),
    **_of("s3.encryption", "sse-s3", "BUCKET_ENCRYPTION", "sse-s3"),
    f"{_KEY}.s3.kmsKeyId": Effect(
        value="alias/log",
        sets=(*ON, f"{_KEY}.s3.encryption=sse-kms"),
        secrets=SECRETS,
        shows=_variable("BUCKET_KMS_KEY_ID"),
        expected="alias/log",
    ),
    f"{_KEY}.s3.credentials": Effect(
        value="serviceAccount",
        sets=ON,
        shows=lambda r: "BUCKET_CREDENTIALS" in {v["name"] for v in r.containers["postgres/archive"]["env"]},
        expected=False,
    ),
    "postgresql.serviceAccount.annotations": Effect(
        value="",
        sets=(f'postgresql.serviceAccount.annotations["eks.amazonaws.com/role-arn"]={_ROLE}',),
        shows=inputs("ServiceAccount", "postgres", "metadata", "annotations"),
        expected={"eks.amazonaws.com/role-arn": _ROLE},
    ),
    "archiveS3AccessKeyId": Effect(
        value="", sets=ON, secrets=SECRETS, shows=_credential("access-key-id"), expected="AKIAARCHIVE"
    ),
    "archiveS3SecretAccessKey": Effect(
        value="", sets=ON, secrets=SECRETS, shows=_credential("secret-access-key"), expected="s3cr3t-of-the-archive"
    ),
}
