"""The alerts that `stackctl status` names: their conditions, and that they are those of the rules."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.open_webui import monitoring as web_monitoring
from components.postgresql.cloudnative_pg import monitoring as cluster_monitoring
from components.postgresql.monitoring.alerts import ALERTS
from components.redis import monitoring as redis_monitoring
from stack_config.files import ROOT
from stackctl.deployed.applications import Application
from stackctl.deployed.topology import Topology
from stackctl.status.alerts import CERTIFICATE_LEFT, VOLUME_FILLING, VOLUME_FULL, WAITING_SEGMENTS, age, firing
from stackctl.status.state import Archive, Backup, Backups, Certificate, State, Volume

NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)


def ago(**time: float) -> datetime:
    return NOW - timedelta(**time)


HEALTHY = State(
    context="mine",
    namespace="rag-system",
    simulated=False,
    applications=(),
    servers=Topology(redis="standalone", postgresql="standalone", pooler=False, archive=True),
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
    # Backups that were turned on a moment ago.
    new = backups(places=(Backup(place="", succeeded=None, failed=False),), since=ago(hours=1))
    assert firing(replace(HEALTHY, backups=new), NOW) == []
    assert firing(replace(HEALTHY, backups=None, archive=None, volume=None, certificates=()), NOW) == []


@pytest.mark.parametrize(
    ("changes", "alert", "summary"),
    [
        (
            {"applications": web(ready=0, not_ready=("web-1 open-webui: ImagePullBackOff",))},
            "OpenWebUINoReplicaReady",
            "open-webui has no ready pod of 3: web-1 open-webui: ImagePullBackOff.",
        ),
        (
            {"applications": web(ready=0, replicas=0)},
            "OpenWebUINoReplicaReady",
            "open-webui has no pod: it is scaled to zero.",
        ),
        ({"applications": web(app="redis", ready=0)}, "RedisDown", "redis has no ready pod of 3."),
        ({"applications": web(app="postgres", ready=0)}, "PostgreSQLDown", "postgres has no ready pod of 3."),
        ({"applications": web(app="tika", ready=0)}, "NoReadyReplica", "tika has no ready pod of 3."),
        ({"applications": web(app="tika", ready=2)}, "KubeDeploymentReplicasMismatch", "tika has 2 ready pods of 3."),
        ({"applications": web(ready=2)}, "OpenWebUIReplicasMissing", "open-webui has 2 ready pods of 3."),
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


_MONITORING = (cluster_monitoring, redis_monitoring, web_monitoring)


def rules() -> dict[str, str]:
    """The expression of each alert of the stack."""
    files = [ALERTS, *(Path(str(m.__file__)).with_name("alerts.yaml") for m in _MONITORING)]
    groups = [group for file in files for group in yaml.safe_load(file.read_text())["groups"]]
    return {rule["alert"]: rule["expr"] for group in reversed(groups) for rule in group["rules"]}


OWN = {"NoReadyReplica", "CertificateEnds"}
KUBE_PROMETHEUS = re.compile(r"Kube(Deployment|StatefulSet|Cluster)ReplicasMismatch|KubePodCrashLooping")


def named_alerts() -> set[str]:
    source = (ROOT / "stackctl" / "status" / "alerts.py").read_text()
    return set(re.findall(r'"((?:PostgreSQL|Redis|OpenWebUI|Kube|No|Certificate)[A-Z]\w+)"', source))


def test_the_names_and_thresholds_are_those_of_the_alerts() -> None:
    named = named_alerts()
    assert {"PostgreSQLBackupOld", "RedisDown", "OpenWebUINoReplicaReady"} <= named
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
