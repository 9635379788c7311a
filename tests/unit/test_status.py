"""`stackctl status`: what it recognizes, which alerts it names, what it prints, and its exit code."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.open_webui.settings import OpenWebUISettings
from components.postgresql.cloudnative_pg import monitoring as cluster_monitoring
from components.postgresql.monitoring.alerts import ALERTS
from components.redis import monitoring as redis_monitoring
from stack_config.files import ROOT
from stackctl.deployed.applications import Application
from stackctl.deployed.topology import Topology
from stackctl.status import report
from stackctl.status.alerts import CERTIFICATE_LEFT, VOLUME_FILLING, VOLUME_FULL, WAITING_SEGMENTS, Alert, age, firing
from stackctl.status.reading import read
from stackctl.status.state import Archive, Backup, Backups, Certificate, State, Volume
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
    assert state.topology == Topology(redis="standalone", postgresql="standalone", pooler=False, archive=False)
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
    assert read(cluster.stack).topology.redis == topology


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
    assert replace(state.topology, redis="standalone") == Topology(
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
    without = archive(base_backup=None)
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


HEALTHY = State(
    context="mine",
    namespace="rag-system",
    simulated=False,
    applications=(),
    topology=Topology(redis="standalone", postgresql="standalone", pooler=False, archive=True),
    backups=Backups(
        places=(Backup(place="volume", succeeded=ago(hours=9), failed=False),),
        oldest=26 * 3600,
        since=ago(days=9),
        suspended=False,
    ),
    archive=Archive(base_backup=ago(hours=3), oldest=26 * 3600, failing=False, waiting_segments=0),
    certificates=(Certificate(name="PostgreSQL", begins=ago(days=80), ends=ago(days=-10)),),
    volume=Volume(used=79, size=100),
    unread=(),
)


def web(**changes: Any) -> tuple[Application, ...]:
    application = Application(
        app="open-webui",
        kind="Deployment",
        images=("registry/open-webui:v0.12.4",),
        ready=3,
        replicas=3,
        restarts=0,
        not_ready=(),
        restart_loops=(),
    )
    return (replace(application, **changes),)


def backups(**changes: Any) -> Backups:
    assert HEALTHY.backups
    return replace(HEALTHY.backups, **changes)


def archive(**changes: Any) -> Archive:
    assert HEALTHY.archive
    return replace(HEALTHY.archive, **changes)


def test_a_healthy_stack_has_no_alert() -> None:
    assert firing(replace(HEALTHY, applications=web()), NOW) == []
    # Scaled to zero on purpose, and backups that were turned on a moment ago.
    assert firing(replace(HEALTHY, applications=web(ready=0, replicas=0)), NOW) == []
    new = backups(places=(Backup(place="", succeeded=None, failed=False),), since=ago(hours=1))
    assert firing(replace(HEALTHY, backups=new), NOW) == []
    assert firing(replace(HEALTHY, backups=None, archive=None, volume=None, certificates=()), NOW) == []


@pytest.mark.parametrize(
    ("changes", "alert", "summary"),
    [
        (
            {"applications": web(ready=0, not_ready=("web-1 open-webui: ImagePullBackOff",))},
            "NoReadyReplica",
            "open-webui has no ready pod of 3: web-1 open-webui: ImagePullBackOff.",
        ),
        ({"applications": web(app="redis", ready=0)}, "RedisDown", "redis has no ready pod of 3."),
        ({"applications": web(app="postgres", ready=0)}, "PostgreSQLDown", "postgres has no ready pod of 3."),
        ({"applications": web(ready=2)}, "KubeDeploymentReplicasMismatch", "open-webui has 2 ready pods of 3."),
        ({"applications": web(app="redis", ready=2)}, "RedisReplicaMissing", "redis has 2 ready pods of 3."),
        (
            {"applications": web(restart_loops=("web-1 open-webui",))},
            "KubePodCrashLooping",
            "The kubelet restarts web-1 open-webui again and again.",
        ),
        (
            {"backups": backups(places=(Backup(place="bucket", succeeded=ago(hours=27), failed=False),))},
            "PostgreSQLBackupOld",
            "The newest proved backup (bucket) is 1 d 3 h old. The schedule has no pause that long.",
        ),
        (
            {"backups": backups(places=(Backup(place="", succeeded=ago(hours=1), failed=True),))},
            "PostgreSQLBackupFailed",
            "The last backup failed, and none has succeeded since.",
        ),
        (
            {"backups": backups(places=(Backup(place="", succeeded=None, failed=False),))},
            "PostgreSQLBackupMissing",
            "There is no proved backup.",
        ),
        ({"archive": archive(waiting_segments=8)}, "PostgreSQLArchiveBehind", "8 segments"),
        ({"archive": archive(archiving=False)}, "PostgreSQLArchivingFails", "is not archived"),
        ({"archive": archive(failing=True)}, "PostgreSQLBaseBackupFailed", "Base backups fail."),
        ({"archive": archive(base_backup=None)}, "PostgreSQLBaseBackupMissing", "no recovery is possible"),
        ({"archive": archive(base_backup=ago(hours=27))}, "PostgreSQLBaseBackupOld", "is 1 d 3 h old"),
        (
            {"certificates": (Certificate(name="PostgreSQL", begins=ago(days=80), ends=ago(days=-8)),)},
            "PostgreSQLCertificateEnds",
            "The certificate PostgreSQL ends on 2026-01-18 12:00 UTC and was not renewed.",
        ),
        (
            {"certificates": (Certificate(name="PostgreSQL ca", begins=None, ends=ago(days=1)),)},
            "PostgreSQLCertificateEnds",
            "ended on 2026-01-09 12:00 UTC",
        ),
        ({"volume": Volume(used=81, size=100)}, "PostgreSQLVolumeFilling", "81% full"),
        ({"volume": Volume(used=91, size=100)}, "PostgreSQLVolumeFull", "91% full"),
    ],
)
def test_each_condition_names_its_alert(changes: dict[str, Any], alert: str, summary: str) -> None:
    [firing_now] = firing(replace(HEALTHY, **changes), NOW)
    assert firing_now.name == alert
    assert summary in firing_now.summary
    assert "{kubectl} " in firing_now.look_at
    assert "kubectl " not in firing_now.look_at.replace("{kubectl} ", "")


def test_critical_alerts_come_first() -> None:
    state = replace(HEALTHY, applications=web(ready=2), volume=Volume(used=95, size=100))
    assert [alert.severity for alert in firing(state, NOW)] == ["critical", "warning"]


def rules() -> dict[str, str]:
    """The expression of each alert of the stack."""
    files = [ALERTS, *(Path(str(m.__file__)).with_name("alerts.yaml") for m in (cluster_monitoring, redis_monitoring))]
    groups = [group for file in files for group in yaml.safe_load(file.read_text())["groups"]]
    return {rule["alert"]: rule["expr"] for group in reversed(groups) for rule in group["rules"]}


OWN = {"NoReadyReplica", "CertificateEnds"}
KUBE_PROMETHEUS = re.compile(r"Kube(Deployment|StatefulSet|Cluster)ReplicasMismatch|KubePodCrashLooping")


def named_alerts() -> set[str]:
    source = (ROOT / "stackctl" / "status" / "alerts.py").read_text()
    return set(re.findall(r'"((?:PostgreSQL|Redis|Kube|No|Certificate)[A-Z]\w+)"', source))


def test_the_names_and_thresholds_are_those_of_the_alerts() -> None:
    named = named_alerts()
    assert {"PostgreSQLBackupOld", "RedisDown", "NoReadyReplica"} <= named
    expressions = rules()
    assert {name for name in named - OWN if not KUBE_PROMETHEUS.fullmatch(name)} - expressions.keys() == set()
    assert expressions["PostgreSQLArchiveBehind"].endswith(f">= {WAITING_SEGMENTS}")
    assert expressions["PostgreSQLVolumeFilling"].endswith(f"> {VOLUME_FILLING}")
    assert expressions["PostgreSQLVolumeFull"].endswith(f"> {VOLUME_FULL}")
    assert f"< {CERTIFICATE_LEFT} * (" in expressions["PostgreSQLCertificateEnds"]


def test_every_alert_is_on_the_page() -> None:
    page = (ROOT / "docs" / "operations" / "status.md").read_text()
    named = named_alerts()
    assert {name for name in named if f"`{name}`" not in page} == set()


@pytest.mark.parametrize(
    ("time", "text"),
    [
        ({"seconds": 40}, "40 s"),
        ({"minutes": 5}, "5 min"),
        ({"minutes": 5, "seconds": 2}, "5 min 2 s"),
        ({"hours": 5, "minutes": 20}, "5 h 20 min"),
        ({"days": 3, "hours": 4, "minutes": 59}, "3 d 4 h"),
        ({"seconds": -3}, "0 s"),
    ],
)
def test_an_age_is_in_its_largest_units(time: dict[str, int], text: str) -> None:
    assert age(ago(**time), NOW) == text


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
    missing = "warning  KubeDeploymentReplicasMismatch: open-webui has 2 ready pods of 3"
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
    assert document["topology"]["archive"] is True
    assert document["archive"]["base_backup"] == "2026-01-10T09:00:00Z"
    assert document["alerts"][0]["name"].startswith("Redis")
    assert "generated/" not in ended.out
