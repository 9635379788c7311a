"""`make backup`, `backups` and `restore`: what they create, what they say, and what they leave as it was."""

import json
from pathlib import Path
from typing import Any

import pytest

from stackctl.backup import operations
from stackctl.backup.dumps import choose, read_list
from stackctl.deployed import backup_jobs as jobs
from stackctl.deployed import web_pods
from stackctl.deployed.backup_jobs import job_manifest, run_job
from stackctl.deployed.kubectl import KubectlError
from stackctl.deployed.stack import Stack
from terminal.errors import LocalError, UsageError
from tests.support.unit.backup_cluster import (
    LIST,
    NEWEST,
    OLDER,
    SAFETY,
    BackupCluster,
    Call,
    backup_cluster,
    cluster_stack,
)
from tests.support.unit.backup_cluster import call as call
from tests.support.unit.recording import Recording


@pytest.fixture
def cluster(prod: Recording, monkeypatch: pytest.MonkeyPatch) -> BackupCluster:
    """A cluster with the CronJob of prod."""
    return backup_cluster(prod, monkeypatch)


def test_a_job_is_the_scheduled_one_with_other_arguments(cluster: BackupCluster) -> None:
    assert cluster.cron_job
    template = cluster.cron_job["spec"]["jobTemplate"]["spec"]["template"]
    job = job_manifest(cluster.cron_job, ["list"])
    made = job["spec"]["template"]
    assert made["spec"]["containers"][0]["args"] == ["list"]
    assert made["metadata"] == template["metadata"]
    made["spec"]["containers"][0]["args"] = ["run"]
    assert made == template
    assert job["spec"]["backoffLimit"] == 0


def test_only_a_restore_has_the_password_of_the_owner(cluster: BackupCluster) -> None:
    assert cluster.cron_job
    before = json.dumps(cluster.cron_job)
    for arguments, user, key in (
        (["run"], "ragsystembackup", "backup-password"),
        (["list"], "ragsystembackup", "backup-password"),
        (["restore", NEWEST], "ragsystemuser", "password"),
    ):
        pod = job_manifest(cluster.cron_job, arguments)["spec"]["template"]["spec"]
        [container] = pod["containers"]
        variables = {each["name"]: each["value"] for each in container["env"]}
        [mount] = [each for each in container["volumeMounts"] if each["name"] == "password"]
        assert (variables["PGUSER"], variables["PASSWORD_FILE"]) == (user, f"{mount['mountPath']}/{key}")
        [volume] = [each for each in pod["volumes"] if each["name"] == "password"]
        assert volume["secret"]["items"] == [{"key": key, "path": key}]
    assert json.dumps(cluster.cron_job) == before


def test_where_dumps_are_made_by_the_owner_a_restore_changes_no_login(cluster: BackupCluster) -> None:
    """As with a cluster of the operator, or an external server: there is one role."""
    assert cluster.cron_job
    pod = cluster.cron_job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    [user] = [each for each in pod["containers"][0]["env"] if each["name"] == "PGUSER"]
    user["value"] = "another"
    restore = job_manifest(cluster.cron_job, ["restore", NEWEST])["spec"]["template"]["spec"]
    assert restore["volumes"] == pod["volumes"]
    assert restore["containers"][0]["env"] == pod["containers"][0]["env"]


def test_a_manual_backup_counts_as_one_of_the_schedule_and_nothing_else_does(cluster: BackupCluster) -> None:
    assert cluster.cron_job
    backup, restore = (job_manifest(cluster.cron_job, words) for words in (["run"], ["restore", NEWEST]))
    for job, counts in ((backup, True), (restore, False)):
        owners = [(owner["uid"], owner["controller"]) for owner in job["metadata"]["ownerReferences"]]
        assert owners == [("u-1", counts)]
    assert restore["spec"]["ttlSecondsAfterFinished"] > 0


def test_a_backup_shows_the_end_of_its_log(cluster: BackupCluster, call: Call) -> None:
    cluster.printed["run"] = "backup: Dumping.\nbackup: Kept as a.dump.\n"
    code, output = call("backup", "run")
    assert code == 0
    assert "backup: Kept as a.dump." in output
    assert [job["spec"]["template"]["spec"]["containers"][0]["args"] for job in cluster.jobs] == [["run"]]


def test_a_failed_backup_says_why_and_fails(cluster: BackupCluster, call: Call) -> None:
    cluster.ends, cluster.printed["run"] = "Failed", "backup: The volume of the backups is full.\n"
    code, output = call("backup", "run")
    assert (code, "The volume of the backups is full." in output) == (1, True)


def test_without_backups_it_says_how_to_have_them(cluster: BackupCluster, call: Call) -> None:
    cluster.cron_job = None
    code, output = call("backup", "run")
    assert code == 2
    assert "pulumi config set --path backup.enabled true" in output
    assert cluster.jobs == []


def test_simulated_pods_have_nothing_to_back_up(cluster: BackupCluster, call: Call) -> None:
    cluster.node_annotations = {"kwok.x-k8s.io/node": "fake"}
    code, output = call("backup", "list")
    assert (code, "pods are simulated here" in output, cluster.jobs) == (1, True, [])


def test_the_list_is_a_table(cluster: BackupCluster, call: Call) -> None:
    code, output = call("backup", "list")
    assert code == 0
    [line] = [line for line in output.splitlines() if line.startswith(NEWEST)]
    assert line.split(maxsplit=1)[1].split("  ") == ["2026-01-03 02:30:00 UTC", "2.0", "12 tables with 345 rows"]
    assert "volume: 900 MiB free of 1000 MiB" in output
    assert cluster.jobs


def test_a_restore_that_is_not_confirmed_says_what_it_would_do_and_does_nothing(
    cluster: BackupCluster, call: Call
) -> None:
    code, output = call("restore")
    assert code == 2
    assert f"{NEWEST} 12 tables with 345 rows" in output
    assert "are dumped first and kept. Nothing was changed." in output
    assert cluster.wants == []
    assert len(cluster.jobs) == 1
    assert "are LOST" in call("restore", "--no-safety-dump")[1]


@pytest.mark.parametrize("autoscaler", [False, True])
def test_a_restore_stops_the_web_pods_and_brings_them_back(
    cluster: BackupCluster, call: Call, autoscaler: bool
) -> None:
    cluster.replicas = 5
    spec = {"scaleTargetRef": {"name": "open-webui"}, "minReplicas": 3, "maxReplicas": 8}
    cluster.autoscaler = {"spec": dict(spec)} if autoscaler else None
    cluster.printed["restore"] = f"backup: Restored {OLDER}.\n"

    code, output = call("restore", OLDER, "--yes")

    assert code == 0, output
    assert f"backup: Restored {OLDER}." in output
    assert "5 web pods are ready again." in output
    assert cluster.replicas_at_restore == 0
    assert cluster.wants == [0, 5]
    assert cluster.annotations == {}
    assert cluster.autoscaler is None or cluster.autoscaler["spec"] == spec
    assert cluster.jobs[-1]["spec"]["template"]["spec"]["containers"][0]["args"] == ["restore", OLDER]


def test_a_failed_restore_brings_the_web_pods_back(
    cluster: BackupCluster, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.printed["restore"] = "backup: The database is unchanged; the reason is above.\n"
    original = run_job

    def failing(stack: Stack, arguments: list[str], **more: Any) -> Any:
        cluster.ends = "Failed" if arguments[0] == "restore" else "Complete"
        return original(stack, arguments, **more)

    monkeypatch.setattr(operations, "run_job", failing)
    code, output = call("restore", "--yes")
    assert (code, "The database is unchanged" in output) == (1, True)
    assert cluster.wants == [0, 2]


def test_a_restore_that_was_killed_is_made_good_by_the_next(cluster: BackupCluster, call: Call) -> None:
    cluster.replicas, cluster.annotations = 0, {web_pods.RECORD: "4"}
    assert call("restore", "--yes")[0] == 0
    assert cluster.wants == [0, 4]
    assert cluster.annotations == {}


def test_two_that_change_the_number_do_not_meet(cluster: BackupCluster, call: Call) -> None:
    record = {"run": "host.1.1", "replicas": 2}
    cluster.annotations = {"open-webui-stack/verify-scale": json.dumps(record)}
    code, output = call("restore", "--yes")
    assert (code, "Nothing was changed" in output, cluster.wants) == (1, True, [])


def test_web_pods_that_do_not_come_back_are_a_failure(
    cluster: BackupCluster, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_pods, "_READY_SECONDS", 0)
    cluster.starts = 1
    code, output = call("restore", "--yes")
    assert (code, "the web pods are not ready after 0 s" in output) == (1, True)


def test_ctrl_c_ends_the_job_before_the_web_pods_start(cluster: BackupCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def interrupted(_stack: Stack, name: str) -> None:
        if "restore" in name:
            raise KeyboardInterrupt

    def scaled(stack: Stack, replicas: int) -> None:
        seen.append((replicas, {name for name in cluster.present if "restore" in name}))
        original(stack, replicas)

    original = web_pods._scale
    monkeypatch.setattr(web_pods, "_scale", scaled)
    monkeypatch.setattr(jobs, "_waits_for", interrupted)
    cluster.ends = None
    with pytest.raises(KeyboardInterrupt), web_pods.stopped(cluster_stack(cluster)):
        run_job(cluster_stack(cluster), ["restore", NEWEST])
    assert seen == [(0, set()), (2, set())]
    assert cluster.jobs
    assert cluster.present == set()


def test_a_pod_that_does_not_start_is_given_up_and_taken_away(
    cluster: BackupCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "START_SECONDS", 0)
    cluster.ends, cluster.pod_phase = None, None
    with pytest.raises(LocalError, match="did not start within 0 s: exceeded quota: quota"):
        run_job(cluster_stack(cluster), ["run"])
    assert cluster.present == set()


def test_a_cluster_that_stays_away_is_a_failure(cluster: BackupCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_SILENT_SECONDS", 0)
    cluster.fails = {"silent"}
    with pytest.raises(KubectlError, match="refused"):
        run_job(cluster_stack(cluster), ["run"])


def test_the_newest_is_the_newest_that_no_restore_has_made() -> None:
    dumps = read_list(LIST.splitlines())
    assert [dump.name for dump in dumps] == [SAFETY, NEWEST, OLDER]
    assert choose(dumps, "newest").name == NEWEST
    assert choose(dumps, SAFETY).name == SAFETY
    with pytest.raises(UsageError, match=f"there is no dump nothing. Nothing was changed. There are:\n  {SAFETY}"):
        choose(dumps, "nothing")
    with pytest.raises(UsageError, match="There are: no dumps"):
        choose([], "newest")


def test_the_script_and_the_commands_agree_on_the_name_of_a_safety_dump() -> None:
    script = Path("components/backup/files/backup.sh").read_text()
    assert "\nSAFETY=-before-restore\n" in script
    assert read_list(LIST.splitlines())[0].is_safety_dump
