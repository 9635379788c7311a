"""Backups in a bucket: the order of the containers, who sees which secret, and where they may connect."""

import pytest

from components.backup.files.bucket.bech32 import decode
from tests.support.unit.effects import BACKUP_BUCKET
from tests.support.unit.effects_on_backup_bucket import RECIPIENT, SECRETS, credentials
from tests.support.unit.recording import Recording, run

ON = ("backup.enabled=true", "backup.s3.bucket=backups")
VOLUME = "openWebui.uploads.kind=volume"


@pytest.fixture(scope="module")
def copied() -> Recording:
    """The stack of dev whose backups go to a bucket, with keys and a volume of uploads."""
    return run("dev", [*ON, VOLUME], secrets=SECRETS)


def names(recording: Recording, key: str) -> list[str]:
    """Names of the containers of the pod."""
    return [each["name"] for each in recording.every_pod["postgres-backup"].get(key, [])]


def test_the_dump_is_between_two_captures_and_the_record_comes_last(copied: Recording) -> None:
    assert names(copied, "initContainers") == ["uploads", "backup", "bucket"]
    assert names(copied, "containers") == ["record"]
    without = run("dev", BACKUP_BUCKET)
    assert names(without, "initContainers") == ["backup", "bucket"]


def test_without_a_bucket_nothing_differs(dev: Recording) -> None:
    plain = run("dev", ["backup.enabled=true", "pods.proxy.httpsProxy=http://proxy.example.com:3128"])
    assert (names(plain, "initContainers"), names(plain, "containers")) == ([], ["backup"])
    [container] = plain.every_pod["postgres-backup"]["containers"]
    assert "HTTPS_PROXY" not in [each["name"] for each in container["env"]]
    assert {each.name for each in plain.objects} - {each.name for each in dev.objects} == {
        "postgres-backup",
        "postgres-backups",
    }


def test_no_container_has_both_the_password_and_the_keys(copied: Recording) -> None:
    pod = copied.every_pod["postgres-backup"]
    keys, passwords = set(), set()
    for container in (*pod["initContainers"], *pod["containers"]):
        mounted = [each["name"] for each in container["volumeMounts"]]
        assert not any("valueFrom" in each for each in container["env"])
        if "bucket-credentials" in mounted:
            keys.add(container["name"])
        if "password" in mounted:
            passwords.add(container["name"])
    assert (keys, passwords) == ({"uploads", "bucket"}, {"backup", "record"})


def test_uploaded_files_are_read_only_and_in_no_container_with_the_password(copied: Recording) -> None:
    pod = copied.every_pod["postgres-backup"]
    mounts = {
        container["name"]: mount
        for container in (*pod["initContainers"], *pod["containers"])
        for mount in container["volumeMounts"]
        if mount["name"] == "uploads"
    }
    assert mounts.keys() == {"uploads", "bucket"}
    assert all(mount["readOnly"] for mount in mounts.values())
    assert pod["securityContext"]["fsGroup"] == copied.pods["open-webui"]["securityContext"]["fsGroup"]


def test_a_reference_needs_no_secret_of_the_stack() -> None:
    references = [
        f"existingSecrets.{name}.{field}"
        for name in ("backupS3AccessKeyId", "backupS3SecretAccessKey")
        for field in ("name=minio", "key=root")
    ]
    referred = run("dev", [*ON, *references])
    assert "postgres-backup-bucket" not in [each.name for each in referred.objects if each.kind == "Secret"]
    assert credentials(referred) == [
        {"secret": {"name": "minio", "items": [{"key": "root", "path": file}]}}
        for file in ("access-key-id", "secret-access-key")
    ]


@pytest.mark.parametrize(
    ("sets", "port", "peer"),
    [
        ((), 443, {"ipBlock"}),
        (("backup.s3.endpointUrl=http://minio.storage.svc:9000",), None, {"namespaceSelector"}),
        (("backup.s3.endpointUrl=https://s3.example.com:9443",), 9443, {"ipBlock"}),
    ],
)
def test_the_endpoint_is_the_only_further_connection(sets: tuple[str, ...], port: int | None, peer: set[str]) -> None:
    opened = run("dev", [*ON, *sets], secrets=SECRETS).one("NetworkPolicy", "postgres-backup").inputs["spec"]["egress"]
    [_, rule] = opened
    assert [each["port"] for each in rule.get("ports", [])] == ([port] if port else [])
    assert {kind for each in rule["to"] for kind in each} == peer


def test_bech32_finds_every_typing_error() -> None:
    decoded = decode(RECIPIENT)
    assert decoded is not None
    assert (decoded[0], len(decoded[1])) == ("age", 32)
    for position in range(4, len(RECIPIENT)):
        for other in "qz7":
            if RECIPIENT[position] != other:
                assert decode(RECIPIENT[:position] + other + RECIPIENT[position + 1 :]) is None
    assert decode(RECIPIENT[:-1]) is None
    assert decode(RECIPIENT[:20].upper() + RECIPIENT[20:]) is None
    assert decode("") is None
