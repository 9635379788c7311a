"""`stackctl restore --from-bucket` and the list of sets: which containers run, in which order, with which key."""

import json
from pathlib import Path
from typing import Any

import pytest

from stackctl.deployed import backup_jobs as jobs
from stackctl.deployed.backup_jobs import run_job
from terminal.errors import LocalError
from tests.support.unit.backup_cluster import NEWEST, BackupCluster, Call, backup_cluster, cluster_stack
from tests.support.unit.backup_cluster import call as call
from tests.support.unit.effects import BACKUP_BUCKET
from tests.support.unit.pod_effects import container
from tests.support.unit.recording import Recording, run

SETS = """\
backup: set 00aa/ragsystemdb-20260105T023000Z: 3145728 bytes, 12 tables with 345 rows, 7 files, PostgreSQL 17.5
backup: set 11bb/ragsystemdb-20260104T023000Z: 100 bytes, 12 tables with 300 rows, PostgreSQL 17.5, encryption age
backup: set 00aa/ragsystemdb-20260104T023000Z: 100 bytes, 12 tables with 299 rows, PostgreSQL 17.5
backup: bucket: s3://backups/open-webui-stack
"""


@pytest.fixture(scope="module")
def copied() -> Recording:
    """The stack of prod with a bucket for its backups."""
    return run("prod", [*BACKUP_BUCKET, *container("backup.pods.extraInitContainers", "own", "busybox:1.37")])


@pytest.fixture
def bucket(copied: Recording, monkeypatch: pytest.MonkeyPatch) -> BackupCluster:
    """A cluster with that stack's CronJob."""
    cluster = backup_cluster(copied, monkeypatch)
    cluster.printed["bucket list"] = SETS
    return cluster


def steps(job: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Name and arguments of every container, in the order in which they run."""
    spec = job["spec"]["template"]["spec"]
    return [(each["name"], each.get("args", [])) for each in (*spec.get("initContainers", []), *spec["containers"])]


def uploads_mount(job: dict[str, Any], name: str) -> dict[str, Any]:
    """The mount of the uploaded files in a container."""
    spec = job["spec"]["template"]["spec"]
    [container] = [each for each in (*spec.get("initContainers", []), *spec["containers"]) if each["name"] == name]
    [mount] = [each for each in container["volumeMounts"] if each["name"] == "uploads"]
    return dict(mount)


def test_the_list_has_the_sets_of_the_bucket(bucket: BackupCluster, call: Call) -> None:
    code, output = call("backup", "list")
    assert code == 0
    assert NEWEST in output
    assert "set 00aa/ragsystemdb-20260105T023000Z  3.0 MiB  12 tables with 345 rows, 7 files, PostgreSQL 17.5" in output
    assert "bucket: s3://backups/open-webui-stack" in output
    assert steps(bucket.jobs[-1]) == [("own", []), ("backup", ["list"]), ("bucket-2", ["list"])]


def test_one_command_restores_the_newest_set(bucket: BackupCluster, call: Call) -> None:
    bucket.printed |= {
        "bucket fetch": "backup: Fetched.\n",
        "restore": "backup: Restored.\n",
        "bucket uploads": "backup: Restored 7 uploaded files.\n",
    }
    code, output = call("restore", "--from-bucket", "--yes")
    assert code == 0, output
    assert "Fetched.\nbackup: Restored.\nbackup: Restored 7 uploaded files.\n" in output
    name = "ragsystemdb-20260105T023000Z"
    job = bucket.jobs[-1]
    assert steps(job) == [
        ("own", []),
        ("bucket-1", ["fetch", f"00aa/{name}"]),
        ("backup", ["restore", f"{name}.dump"]),
        ("bucket-3", ["uploads", f"00aa/{name}"]),
    ]
    assert bucket.wants == [0, 2]
    assert bucket.replicas_at_restore == 0
    # Only the last step may change the uploaded files.
    assert uploads_mount(job, "bucket-1")["readOnly"] is True
    assert "readOnly" not in uploads_mount(job, "bucket-3")


def test_a_set_is_restored_without_its_files(bucket: BackupCluster, call: Call) -> None:
    assert call("restore", "--from-bucket", "--no-uploads", "--yes")[0] == 0
    name = "ragsystemdb-20260105T023000Z"
    assert steps(bucket.jobs[-1])[1:] == [
        ("bucket-1", ["fetch", f"00aa/{name}", "no-uploads"]),
        ("backup", ["restore", f"{name}.dump"]),
    ]


def test_the_identity_is_in_the_cluster_during_the_restore_only(
    bucket: BackupCluster, call: Call, tmp_path: Path
) -> None:
    identity = tmp_path / "identity.txt"
    identity.write_text("AGE-SECRET-KEY-1TEST\n")
    code, output = call("restore", "--from-bucket", "--yes", "--age-identity", str(identity))
    assert code == 0, output
    [secret] = bucket.created_secrets
    assert secret["stringData"] == {"identity": "AGE-SECRET-KEY-1TEST\n"}
    assert bucket.secrets == {}
    job = bucket.jobs[-1]
    spec = job["spec"]["template"]["spec"]
    sources = [volume.get("secret") for volume in spec["volumes"]]
    assert {"secretName": secret["metadata"]["name"], "defaultMode": 0o440} in sources
    mounted = [
        each["name"]
        for each in (*spec["initContainers"], *spec["containers"])
        if any(mount["name"] == "age-identity" for mount in each.get("volumeMounts", []))
    ]
    assert mounted == ["bucket-1", "bucket-3"]
    assert "AGE-SECRET-KEY" not in json.dumps(bucket.jobs) + output


def test_a_failed_restore_removes_the_identity(
    bucket: BackupCluster, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = tmp_path / "identity.txt"
    identity.write_text("AGE-SECRET-KEY-1TEST\n")
    original = jobs._ended
    bucket.printed["bucket fetch"] = "backup: encrypted for other recipients\n"

    def failing(job: dict[str, Any]) -> bool | None:
        return original(job) and not bucket.secrets

    monkeypatch.setattr(jobs, "_ended", failing)
    code, output = call("restore", "--from-bucket", "--yes", "--age-identity", str(identity))
    assert (code, "encrypted for other recipients" in output, bucket.secrets) == (1, True, {})


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["ragsystemdb-20260104T023000Z"], "several sets are called ragsystemdb-20260104T023000Z"),
        (
            ["nothing"],
            "there is no set nothing. Nothing was changed. In the bucket there are:\n  00aa/ragsystemdb-",
        ),
        (["11bb/ragsystemdb-20260104T023000Z"], "12 tables with 300 rows, PostgreSQL 17.5, encryption age"),
    ],
)
def test_a_set_that_is_not_meant_is_not_restored(
    bucket: BackupCluster, call: Call, words: list[str], reason: str
) -> None:
    code, output = call("restore", "--from-bucket", *words)
    assert (code, reason in output, bucket.wants) == (2, True, [])
    assert "Nothing was changed." in output
    assert len(bucket.jobs) == 1


def test_without_a_bucket_nothing_is_restored_from_it(
    prod: Recording, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    cluster = backup_cluster(prod, monkeypatch)
    code, output = call("restore", "--from-bucket", "--yes")
    assert (code, cluster.jobs, cluster.wants) == (2, [], [])
    assert "pulumi config set --path backup.s3.bucket" in output
    code, output = call("restore", "--no-uploads", "--yes")
    assert (code, "options of --from-bucket" in output, cluster.jobs) == (2, True, [])


def test_a_pod_whose_init_containers_run_has_started(bucket: BackupCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "START_SECONDS", 0)
    bucket.ends, bucket.pod_phase, bucket.init_states = None, "Pending", [{"running": {}}]
    polls: list[int] = []

    def last(_seconds: float) -> None:
        polls.append(len(polls))
        bucket.ends = "Complete" if len(polls) == 3 else None

    monkeypatch.setattr(jobs, "sleep", last)
    assert run_job(cluster_stack(bucket), ["run"]).succeeded
    bucket.ends, bucket.init_states = None, [{"waiting": {"reason": "PodInitializing"}}]
    with pytest.raises(LocalError, match="did not start within 0 s"):
        run_job(cluster_stack(bucket), ["run"])
