"""The archive: what it adds to the server's pod, and the plan of a recovery from what the bucket has."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from components.postgresql.archive.files.catalogue import Archive, BaseBackup, RefusedError, require_major
from components.postgresql.archive.files.config import Config
from components.postgresql.archive.files.exchange import Request
from components.postgresql.archive.files.wal import Segment, read_history, segment_of, segments
from stackctl.recover.pod import pod_manifest
from tests.support.unit.effects_on_archive import ON, SECRETS
from tests.support.unit.recording import Recording, run

SIZE = 16 * 2**20
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def recording() -> Recording:
    return run("dev", ON, secrets=SECRETS)


def config(**variables: str) -> Config:
    always = {"BUCKET": "backups", "BUCKET_PREFIX": "chats/prod", "EXCHANGE": "/exchange", "PGDATA": "/data"}
    return Config.read({**always, **variables})


def minutes(number: float) -> datetime:
    return NOON + timedelta(minutes=number)


def name(number: int, timeline: int = 1) -> str:
    return Segment(number, timeline).name(SIZE)


def backup(at: float, segment: int, timeline: int = 1) -> BaseBackup:
    return BaseBackup(
        identifier=f"{at}",
        ended=minutes(at),
        timeline=timeline,
        first_segment=name(segment, timeline),
        end=segment * SIZE + 100,
        segment_size=SIZE,
        size=0,
        major=17,
    )


def archive(*backups: BaseBackup, segments: dict[str, float], histories: dict[int, Any] | None = None) -> Archive:
    return Archive(
        identifier="7",
        backups=list(backups),
        uploaded={each: minutes(at) for each, at in segments.items()},
        histories={number: (minutes(at), ancestors) for number, (at, ancestors) in (histories or {}).items()},
    )


def numbered(first: int, last: int, timeline: int = 1) -> dict[str, float]:
    """Segments, each uploaded in the minute of its number."""
    return {name(number, timeline): number for number in range(first, last + 1)}


def test_it_is_off_by_default(dev: Recording) -> None:
    assert "postgres/archive" not in dev.containers
    assert dev.one("NetworkPolicy", "postgres").inputs["spec"]["egress"] == []
    assert "archive_mode" not in dev.one("ConfigMap", "postgres-conf").inputs["data"]["postgresql.conf"]


def test_the_container_only_reads_the_data_and_ends_after_the_server(recording: Recording) -> None:
    container = recording.containers["postgres/archive"]
    mounts = {each["name"]: each.get("readOnly", False) for each in container["volumeMounts"]}
    assert mounts["data"] is True
    assert container["restartPolicy"] == "Always"
    containers = recording.pods["postgres"]["initContainers"]
    assert (containers[0]["name"], containers[-1]["name"]) == ("prepare", "archive")


def test_the_container_reads_the_configuration_at_the_paths_of_the_server(recording: Recording) -> None:
    """A base backup fails without them: Barman backs up every configuration file that the server names."""
    server, sidecar = (
        {each["mountPath"]: each["name"] for each in recording.containers[f"postgres/{name}"]["volumeMounts"]}
        for name in ("postgres", "archive")
    )
    assert sidecar["/etc/postgresql"] == server["/etc/postgresql"]


def test_the_quota_has_room_for_a_recovery(dev: Recording, recording: Recording) -> None:
    without, hard = (each.one("ResourceQuota", "quota").inputs["spec"]["hard"] for each in (dev, recording))
    assert int(hard["pods"]) - int(without["pods"]) == 1
    assert int(hard["persistentvolumeclaims"]) - int(without["persistentvolumeclaims"]) == 1


def test_no_service_leads_to_the_pod_of_a_recovery(recording: Recording) -> None:
    policy = recording.one("NetworkPolicy", "postgres-recovery").inputs["spec"]
    assert policy["podSelector"] == {"matchLabels": {"app": "postgres-recovery"}}
    assert policy["ingress"] == []


def test_the_pod_of_a_recovery_is_not_the_server(recording: Recording) -> None:
    template = recording.one("StatefulSet", "postgres").inputs["spec"]["template"]
    pod = pod_manifest(template, ["drill", "b", "current", "t"], "77", {"accessModes": ["ReadWriteOnce"]})
    assert pod["metadata"]["labels"]["app"] == "postgres-recovery"
    [server], [sidecar] = pod["spec"]["containers"], pod["spec"]["initContainers"]
    assert server["command"] == ["sh", "/etc/archive/recover.sh", "drill", "b", "current", "t"]
    assert "readinessProbe" not in server
    variables = {each["name"]: each["value"] for each in sidecar["env"]}
    assert (variables["ARCHIVE"], variables["BASE_BACKUP_HOURS"]) == ("77", "0")
    [data] = [each for each in pod["spec"]["volumes"] if each["name"] == "data"]
    assert "persistentVolumeClaim" not in data, "a drill has a volume of its own"
    assert template["spec"]["containers"][0]["command"][0] == "postgres", "the template is not changed"


def test_a_recovery_has_the_volume_of_the_server(recording: Recording) -> None:
    template = recording.one("StatefulSet", "postgres").inputs["spec"]["template"]
    pod = pod_manifest(template, ["back"], "77", None)
    [data] = [each for each in pod["spec"]["volumes"] if each["name"] == "data"]
    assert data["persistentVolumeClaim"] == {"claimName": "postgres-data"}
    [sidecar] = pod["spec"]["initContainers"]
    assert not any(each.get("readOnly") for each in sidecar["volumeMounts"] if each["name"] == "data")


def test_changed_credentials_restart_nothing(recording: Recording) -> None:
    other = run("dev", ON, secrets={**SECRETS, "archiveS3SecretAccessKey": "another"})
    template = [each.one("StatefulSet", "postgres").inputs["spec"]["template"] for each in (recording, other)]
    assert template[0] == template[1]


def test_a_time_is_reached_from_the_newest_base_backup_before_it() -> None:
    kept_in_bucket = archive(backup(1, 1), backup(5, 5), segments=numbered(1, 9))
    assert kept_in_bucket.plan(minutes(7.5))["backup"] == "5"
    assert kept_in_bucket.plan(minutes(4.5)) == {
        "backup": "1",
        "ended": minutes(1).isoformat(),
        "timeline": "current",
        "segments": 5,
        "bytes": 0,
    }


@pytest.mark.parametrize(
    ("at", "reason"), [(0.5, "before the first base backup"), (9.5, "after the end of the archive")]
)
def test_a_time_that_the_archive_does_not_have_is_refused_with_what_it_has(at: float, reason: str) -> None:
    kept_in_bucket = archive(backup(1, 1), segments=numbered(1, 9))
    with pytest.raises(RefusedError, match=f"{reason}; possible: 2026-11-29T12:01:00Z to 2026-11-29T12:09:00Z"):
        kept_in_bucket.plan(minutes(at))


def test_a_gap_is_found_before_anything_is_restored() -> None:
    kept = numbered(1, 9)
    del kept[name(6)]
    kept_in_bucket = archive(backup(1, 1), segments=kept)
    assert kept_in_bucket.plan(minutes(4.5))["segments"] == 5
    with pytest.raises(RefusedError, match=rf"{name(6)} is missing.*the last time before it is 2026-11-29T12:05:00Z"):
        kept_in_bucket.plan(minutes(7))


def test_a_base_backup_after_the_gap_closes_it() -> None:
    kept = numbered(1, 9)
    del kept[name(6)]
    kept_in_bucket = archive(backup(1, 1), backup(7, 7), segments=kept)
    assert kept_in_bucket.plan(minutes(8))["backup"] == "7"


def test_the_timeline_is_that_of_the_server_at_the_time() -> None:
    # At 12:06 a recovery went back to the middle of segment 4; the server wrote on in timeline 2.
    histories = {2: (6, {1: 4 * SIZE + SIZE // 2})}
    second = {name(number, 2): at for number, at in ((4, 7), (5, 8), (6, 9))}
    kept_in_bucket = archive(backup(1, 1), segments={**numbered(1, 5), **second}, histories=histories)
    assert kept_in_bucket.plan(minutes(4.5))["timeline"] == "current"
    assert kept_in_bucket.plan(minutes(8.5)) == {
        "backup": "1",
        "ended": minutes(1).isoformat(),
        "timeline": "2",
        "segments": 6,
        "bytes": 0,
    }


def test_a_base_backup_of_what_was_left_behind_is_not_used() -> None:
    histories = {2: (6, {1: 2 * SIZE + 1})}
    second = {name(number, 2): at for number, at in ((2, 7), (3, 8))}
    kept_in_bucket = archive(backup(1, 1), backup(5, 5), segments={**numbered(1, 5), **second}, histories=histories)
    assert kept_in_bucket.plan(minutes(7.5))["backup"] == "1"


def test_histories_are_read_as_postgresql_writes_them() -> None:
    text = "1\t0/4800000\tbefore 2026-11-29 12:04:30+00\n\n2\t1/6B000028\tno recovery target specified\n"
    assert read_history(text) == {1: 0x4800000, 2: 0x16B000028}


def test_segments_change_the_log_file_after_255() -> None:
    following = segments(segment_of("0000000100000000000000FF", SIZE), {}, 1, SIZE)
    assert [next(following).name(SIZE) for _ in range(2)] == ["0000000100000000000000FF", "000000010000000100000000"]


@pytest.mark.parametrize("path", ["../../etc/passwd", "000000010000000000000001/..", ""])
def test_only_files_of_the_log_are_uploaded(path: str) -> None:
    assert not Request("push.1", "push", (path, "/x")).is_valid
    assert Request("push.1", "push", ("00000002.history", "/x")).is_valid


@pytest.mark.parametrize(
    ("encryption", "options"),
    [
        ("none", []),
        ("sse-s3", ["--encryption=AES256"]),
        ("sse-kms", ["--encryption=aws:kms", "--sse-kms-key-id=alias/log"]),
    ],
)
def test_barman_gets_the_encryption_of_the_bucket(encryption: str, options: list[str]) -> None:
    variables = {"BUCKET_ENCRYPTION": encryption, "BUCKET_KMS_KEY_ID": "alias/log"}
    assert config(**variables).upload_options() == ["--cloud-provider=aws-s3", "--gzip", *options]


def test_barman_gets_the_endpoint_and_the_style_of_its_urls() -> None:
    made = config(BUCKET_ENDPOINT_URL="https://s3.example.com", BUCKET_ADDRESSING_STYLE="path")
    assert made.url == "s3://backups/chats/prod"
    assert made.cloud_options()[1:] == ["--endpoint-url=https://s3.example.com", "--addressing-style=path"]


def test_without_credentials_the_client_finds_the_role(tmp_path: Path) -> None:
    assert "AWS_ACCESS_KEY_ID" not in config().client_environment()
    (tmp_path / "access-key-id").write_text("AKIA\n")
    (tmp_path / "secret-access-key").write_text("s3cr3t")
    environment = config(BUCKET_CREDENTIALS=str(tmp_path), BUCKET_REGION="eu-central-1").client_environment()
    keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION")
    assert [environment[key] for key in keys] == ["AKIA", "s3cr3t", "eu-central-1"]


def test_the_role_of_the_account_needs_no_secret_and_opens_its_token_service() -> None:
    role = 'postgresql.serviceAccount.annotations["eks.amazonaws.com/role-arn"]=arn:aws:iam::123456789012:role/log'
    made = run("dev", [*ON, "postgresql.archive.s3.credentials=serviceAccount", role])
    assert "postgres-archive" not in [each.name for each in made.objects if each.kind == "Secret"]
    assert "bucket-credentials" not in [each["name"] for each in made.pods["postgres"]["volumes"]]
    [rule] = made.one("NetworkPolicy", "postgres").inputs["spec"]["egress"]
    assert rule["ports"] == [{"protocol": "TCP", "port": 443}], "AWS and its token service have public addresses"
    pod_identity = run("dev", [*ON, "postgresql.archive.s3.credentials=serviceAccount"])
    [_, agent] = pod_identity.one("NetworkPolicy", "postgres-recovery").inputs["spec"]["egress"]
    assert agent["to"] == [{"ipBlock": {"cidr": "169.254.170.23/32"}}]


def test_an_archive_of_another_major_version_is_refused(tmp_path: Path) -> None:
    require_major(17, tmp_path, "77")
    (tmp_path / "PG_VERSION").write_text("18\n")
    require_major(18, tmp_path, "77")
    with pytest.raises(RefusedError, match=r"77 was written by PostgreSQL 17, and this server is PostgreSQL 18"):
        require_major(17, tmp_path, "77")


def test_a_gap_after_the_newest_base_backup_is_seen_without_a_plan() -> None:
    kept = numbered(1, 9)
    assert archive(segments=kept).gap(()) is None
    assert archive(backup(1, 1), segments=kept).gap(()) is None
    del kept[name(6)]
    assert archive(backup(1, 1), segments=kept).gap(()) == name(6)
    assert archive(backup(1, 1), segments=kept).gap({name(6)}) is None, "the server still has it for the archive"
    assert archive(backup(1, 1), backup(7, 7), segments=kept).gap(()) is None, "a base backup after it closes it"
