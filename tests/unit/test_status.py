"""`stackctl status`: what it recognizes, what it prints, and its exit code."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from components.open_webui.settings import OpenWebUISettings
from stackctl.deployed.topology import Topology
from stackctl.status import report
from stackctl.status.alerts import Alert, firing
from stackctl.status.reading import read
from stackctl.status.state import Archive, Backup, Volume
from tests.support.unit.command_line import CommandLine, Ended
from tests.support.unit.effects_on_cloudnative_pg import POOLED
from tests.support.unit.live_cluster import LiveCluster, live
from tests.support.unit.recording import Recording, run

NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)
DAY = 86400


def ago(**time: float) -> datetime:
    return NOW - timedelta(**time)


def seconds(time: datetime | None) -> int:
    return int(time.timestamp()) if time else 0


def answers(**changes: list[dict[str, object]]) -> dict[str, Any]:
    """What PostgreSQL answers when all is well."""
    backup = {"bytes": 1000, "failed_timestamp_seconds": 0, "succeeded_timestamp_seconds": seconds(ago(hours=9))}
    lifetime = {
        "not_before_timestamp_seconds": seconds(ago(days=30)),
        "not_after_timestamp_seconds": seconds(ago(days=-60)),
    }
    begun = {"begun_timestamp_seconds": seconds(ago(hours=3)), "failing_since_timestamp_seconds": 0}
    good: dict[str, list[dict[str, object]]] = {
        "open_webui_stack_backup": [{"place": "volume", **backup}, {"place": "bucket", **backup}],
        "open_webui_stack_base_backup": [{**begun}],
        "open_webui_stack_certificate": [{**lifetime}],
        "open_webui_stack_archive_waiting": [{"segments": 1}],
        "open_webui_stack_temporary_files": [{"bytes": 0}],
        "databases": [{"bytes": 2**30}],
        "log": [{"bytes": 2**20}],
    }
    return {**good, **changes}


ARCHIVED = (
    "postgresql.archive.enabled=true",
    "postgresql.archive.s3.bucket=archives",
    "postgresql.archive.s3.region=x",
)
KEYS = {"archiveS3AccessKeyId": "key", "archiveS3SecretAccessKey": "secret"}


@pytest.fixture(scope="module")
def archived() -> Recording:
    return run("prod", ARCHIVED, KEYS)


@pytest.fixture(scope="module")
def cloudnative_pg() -> Recording:
    more = ("postgresql.maxConnections=1000", "postgresql.resources.limits.memory=8Gi")
    return run("prod", (*POOLED, *ARCHIVED, *more), KEYS)


def names(alerts: list[Alert]) -> list[str]:
    return [alert.name for alert in alerts]


def test_each_environment_is_recognized(dev: Recording, prod: Recording) -> None:
    state = read(live(dev, psql=answers(open_webui_stack_base_backup=[])).stack)
    assert state.servers == Topology(redis="standalone", postgresql="standalone", pooler=False, archive=False)
    [redis] = [each for each in state.applications if each.app == "redis"]
    assert (redis.kind, redis.ready, redis.replicas, redis.restarts) == ("Deployment", 1, 1, 0)
    assert redis.images == (dev.pods["redis"]["containers"][0]["image"],)
    assert state.archive is None
    assert state.unread == ()
    state = read(live(prod, psql=answers()).stack)
    assert state.backups is not None
    assert [each.place for each in state.backups.places] == ["volume", "bucket"]
    assert state.backups.oldest == DAY + 2 * 3600
    assert firing(state, NOW) == []


@pytest.mark.parametrize(
    ("sets", "topology"),
    [
        (("redis.topology=sentinel",), "sentinel"),
        (("redis.topology=cluster",), "cluster"),
        (("redis.topology=external", "redis.external.hosts=10.0.0.1"), "external"),
    ],
)
def test_the_topology_of_redis_is_recognized(sets: tuple[str, ...], topology: str) -> None:
    external = {"redisCacheUrl": "redis://u:p@10.0.0.1:6379/0", "redisWebsocketUrl": "redis://u:p@10.0.0.1:6379/1"}
    cluster = live(run("dev", sets, external if topology == "external" else {}), psql=answers())
    assert read(cluster.stack).servers.redis == topology


def test_an_archive_is_read_as_the_role_of_the_exporter(archived: Recording) -> None:
    cluster = live(archived, psql=answers())
    state = read(cluster.stack)
    assert state.archive == Archive(
        base_backup=ago(hours=3), oldest=26 * 3600, failing=False, waiting_segments=1, archiving=True
    )
    assert state.volume == Volume(used=2**30 + 2**20, size=50 * 2**30)
    assert cluster.statements.startswith("SET ROLE exporter;")
    assert not re.search(r"\b(INSERT|UPDATE|DELETE|ALTER|CREATE)\b", cluster.statements)


def test_cloudnative_pg_is_recognized_with_its_pooler_and_archive(cloudnative_pg: Recording) -> None:
    cluster = live(cloudnative_pg)
    cluster.objects.append(backup_object("completed", ago(hours=5)))
    cluster.one("Cluster", "postgres")["status"]["certificates"] = {
        "expirations": {"postgres-server": "2026-03-01 10:00:00 +0000 UTC"}
    }
    state = read(cluster.stack)
    assert replace(state.servers, redis="standalone") == Topology(
        redis="standalone", postgresql="cloudnative-pg", pooler=True, archive=True
    )
    assert state.archive == Archive(
        base_backup=ago(hours=5), oldest=26 * 3600, failing=False, waiting_segments=None, archiving=True
    )
    [certificate] = state.certificates
    assert (certificate.name, certificate.ends) == ("PostgreSQL postgres-server", datetime(2026, 3, 1, 10, tzinfo=UTC))
    cluster.objects.append(backup_object("failed", ago(hours=1)))
    cluster.one("Cluster", "postgres")["status"]["conditions"].append(
        {"type": "ContinuousArchiving", "status": "False"}
    )
    assert {"PostgreSQLBaseBackupFailed", "PostgreSQLArchivingFails"} <= {*names(firing(read(cluster.stack), NOW))}
    assert not any(call[0] == "exec" for call in cluster.calls)


def test_each_object_is_read_once(cloudnative_pg: Recording, dev: Recording) -> None:
    for recording, once in ((cloudnative_pg, "clusters.postgresql.cnpg.io"), (dev, "deployments,statefulsets")):
        cluster = live(recording, psql=answers(open_webui_stack_base_backup=[]))
        cluster.objects.append(backup_object("completed", ago(hours=5)))
        read(cluster.stack)
        kinds = [call[1] for call in cluster.calls if call[0] == "get"]
        assert kinds.count(once) == 1, kinds
        assert "deployment" not in kinds, "it is one of the workloads"


def test_pgbouncer_of_the_operator_is_an_application(cloudnative_pg: Recording) -> None:
    cluster = live(cloudnative_pg)
    cluster.objects.append(backup_object("completed", ago(hours=5)))
    assert read(cluster.stack).application("postgres-pooler") is None, "the operator has not created it"
    cluster.objects.append(
        {
            "kind": "Deployment",
            "metadata": {
                "name": "postgres-pooler",
                "generation": 1,
                "labels": {"cnpg.io/poolerName": "postgres-pooler"},
            },
            "spec": {
                "replicas": 2,
                "template": {"spec": {"containers": [{"name": "pgbouncer", "image": "registry/b"}]}},
            },
            "status": {"observedGeneration": 1},
        }
    )
    application = read(cluster.stack).application("postgres-pooler")
    assert application
    assert (application.kind, application.replicas, application.images) == ("Deployment", 2, ("registry/b",))


def backup_object(phase: str, time: datetime) -> dict[str, Any]:
    return {
        "kind": "Backup",
        "metadata": {"name": f"postgres-{phase}", "labels": {}},
        "spec": {"cluster": {"name": "postgres"}},
        "status": {"phase": phase, "stoppedAt": f"{time:%Y-%m-%dT%H:%M:%SZ}"},
    }


def test_without_an_answer_of_the_database_the_cron_job_counts(prod: Recording) -> None:
    cluster = live(prod)
    status = {"lastScheduleTime": "2026-01-10T02:30:00Z", "lastSuccessfulTime": "2026-01-10T02:31:00Z"}
    cluster.one("CronJob", "postgres-backup")["status"] = status
    state = read(cluster.stack)
    assert state.backups is not None
    [backup] = state.backups.places
    assert backup == Backup(place="", succeeded=datetime(2026, 1, 10, 2, 31, tzinfo=UTC), failed=False)
    [unread] = state.unread
    assert unread.endswith("unable to upgrade connection")
    assert firing(state, NOW) == []


def test_simulated_pods_are_not_asked(prod: Recording) -> None:
    cluster = live(prod, simulated=True)
    state = read(cluster.stack)
    assert state.simulated
    assert not any(call[0] == "exec" for call in cluster.calls)
    # Their Jobs do not run: a missing backup says nothing.
    assert firing(state, NOW + timedelta(days=400)) == []
    without = Archive(base_backup=None, oldest=None, failing=False, waiting_segments=0)
    assert firing(replace(state, archive=without), NOW) == []
    assert names(firing(replace(state, archive=without, backups=None, simulated=False), NOW)) == [
        "PostgreSQLBaseBackupMissing"
    ]


def test_certificates_of_cert_manager_are_read(dev: Recording) -> None:
    cluster = live(dev, psql=answers(open_webui_stack_certificate=[]))
    status = {"notBefore": "2025-10-15T00:00:00Z", "notAfter": "2026-01-13T00:00:00Z"}
    labels = {"app.kubernetes.io/part-of": "open-webui-stack"}
    made = {"kind": "Certificate", "metadata": {"name": "web-tls", "labels": labels}, "status": status}
    cluster.objects += [made, {**made, "metadata": {"name": "new", "labels": labels}, "status": {}}]
    state = read(cluster.stack)
    assert [each.name for each in state.certificates] == ["web-tls"]
    assert names(firing(state, NOW)) == ["CertificateEnds"]
    assert firing(state, NOW - timedelta(days=10)) == []


Show = Callable[..., Ended]


@pytest.fixture
def show(stackctl: CommandLine, monkeypatch: pytest.MonkeyPatch) -> Show:
    """Function that runs the command on a cluster, at `NOW`."""

    def run_command(cluster: LiveCluster, *arguments: str) -> Ended:
        monkeypatch.setattr(report, "find_stack", lambda _: cluster.stack)
        monkeypatch.setattr(report, "_now", lambda: NOW)
        return stackctl("status", *arguments)

    return run_command


def test_a_healthy_stack_is_one_screen(show: Show, archived: Recording) -> None:
    ended = show(live(archived, psql=answers()), "--env", "prod")
    assert ended.code == 0
    assert len(ended.out.splitlines()) <= 24
    assert ended.out.startswith(
        f"Open WebUI {OpenWebUISettings().version}  rag-system in mine  2026-01-10 12:00:00 UTC"
    )
    assert re.search(r"^open-webui +3/3 +0 ", ended.out, re.MULTILINE)
    assert re.search(r"^PostgreSQL +one server, archive *$", ended.out, re.MULTILINE)
    assert re.search(r"^last proved backup +2026-01-10 03:00 UTC, 9 h ago \(volume\); ", ended.out, re.MULTILINE)
    assert re.search(r"^newest base backup +2026-01-10 09:00 UTC, 3 h ago; 1 segment waits", ended.out, re.MULTILINE)
    assert "not compared; stackctl drift --env prod" in ended.out
    assert ended.out.splitlines()[-1] == "No alert would fire."


def test_an_alert_is_exit_code_2_with_what_to_look_at(show: Show, prod: Recording) -> None:
    cluster = live(prod, psql=answers())
    cluster.break_pod("open-webui", "CrashLoopBackOff")
    ended = show(cluster, "--context", "mine")
    assert ended.code == 2
    missing = "warning  OpenWebUIReplicasMissing: open-webui has 2 ready pods of 3"
    assert f"{missing}: open-webui-0 open-webui: CrashLoopBackOff." in ended.out
    assert "look at: kubectl --context=mine -n rag-system describe pods -l app=open-webui" in ended.out
    assert ended.err.splitlines()[-1] == "2 alerts would fire"
    assert "not compared; pulumi refresh --preview-only -s dev" in ended.out


def test_simulated_pods_are_announced(show: Show, dev: Recording) -> None:
    ended = show(live(dev, simulated=True))
    assert ended.code == 0
    assert "Pods are simulated here: no container runs." in ended.out


def test_programs_read_json(show: Show, archived: Recording) -> None:
    cluster = live(archived, psql=answers())
    cluster.break_pod("redis", "ImagePullBackOff")
    ended = show(cluster, "--json")
    document = json.loads(ended.out)
    assert ended.code == 2
    assert document["healthy"] is False
    assert document["release"] == OpenWebUISettings().version
    assert document["last_proved_backup"] == {"ended": "2026-01-10T03:00:00Z", "age": 9 * 3600}
    assert document["servers"]["archive"] is True
    assert document["archive"]["base_backup"] == "2026-01-10T09:00:00Z"
    assert document["alerts"][0]["name"].startswith("Redis")
    assert "generated/" not in ended.out
