"""What the keys of the archive do."""

from collections.abc import Callable

from tests.support.unit.effects import Effect, inputs, line
from tests.support.unit.recording import Recording

SECRETS = {"archiveS3AccessKeyId": "AKIAARCHIVE", "archiveS3SecretAccessKey": "s3cr3t-of-the-archive"}
ON = ("postgresql.archive.enabled=true", "postgresql.archive.s3.bucket=backups")

_KEY = "postgresql.archive"


def _variable(name: str) -> Callable[[Recording], object]:
    return lambda r: {v["name"]: v["value"] for v in r.containers["postgres/archive"]["env"]}[name]


def _url(recording: Recording) -> str:
    return str(_variable("ARCHIVE_URL")(recording))


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
    f"{_KEY}.egress": Effect(
        value="",
        sets=(*ON, "postgresql.archive.egress[0]=10.20.0.0/16:9000"),
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
    # The keys are set together: each is a part of the URL.
    f"{_KEY}.s3.bucket": Effect(
        value="other", sets=ON, secrets=SECRETS, shows=lambda r: _url(r).split("/")[2], expected="other"
    ),
    f"{_KEY}.s3.prefix": Effect(
        value="chats/prod", sets=ON, secrets=SECRETS, shows=lambda r: _url(r).split("/")[3:], expected=["chats", "prod"]
    ),
    **_of("s3.endpointUrl", "http://10.1.1.1:9000", "ENDPOINT_URL", "http://10.1.1.1:9000"),
    **_of("s3.region", "eu-central-1", "REGION", "eu-central-1"),
    **_of("s3.encryption", "AES256", "ENCRYPTION", "AES256"),
    "archiveS3AccessKeyId": Effect(
        value="", sets=ON, secrets=SECRETS, shows=_credential("access-key-id"), expected="AKIAARCHIVE"
    ),
    "archiveS3SecretAccessKey": Effect(
        value="", sets=ON, secrets=SECRETS, shows=_credential("secret-access-key"), expected="s3cr3t-of-the-archive"
    ),
}
