"""Every alert of PostgreSQL, by promtool: it fires on the trouble that it is for, and not without it."""

from typing import Any

import pytest

from components.postgresql.monitoring.alerts import ALERTS, WatchedBackups, dashboard, prometheus_rules
from tests.support.servers.promtool import Promtool, beside_another_stack, queries, with_changes
from tests.support.servers.promtool import promtool as promtool
from tests.support.servers.promtool import promtool_program as promtool_program

OF = 'namespace="rag-system"'
POD = f'{{{OF},instance="a"}}'
SERVER = f'{{{OF},instance="a",server="127.0.0.1:5432"}}'
VOLUME = f'{{{OF},persistentvolumeclaim="postgres-data"}}'
XIDS = f'pg_database_wraparound_age_datfrozenxid_seconds{{{OF},instance="a",datname="ragsystemdb"}}'
MULTIXIDS = f'pg_database_wraparound_age_datminmxid_seconds{{{OF},instance="a",datname="ragsystemdb"}}'
COLLECTOR = f'pg_scrape_collector_success{{{OF},instance="a",collector="wal"}}'
ERROR = f"pg_exporter_last_scrape_error{POD}"
ARCHIVED, NOT_ARCHIVED = f"pg_stat_archiver_archived_count{SERVER}", f"pg_stat_archiver_failed_count{SERVER}"
DATABASES = f'pg_database_size_bytes{{{OF},instance="a",datname="ragsystemdb"}}'
WAL, TEMPORARY = f"pg_wal_size_bytes{POD}", f"open_webui_stack_temporary_files_bytes{SERVER}"
AVAILABLE, CAPACITY = f"kubelet_volume_stats_available_bytes{VOLUME}", f"kubelet_volume_stats_capacity_bytes{VOLUME}"
DEADLOCKS = f'pg_stat_database_deadlocks{{{OF},instance="a",datname="ragsystemdb"}}'
BEHIND = f"open_webui_stack_archive_waiting_segments{SERVER}"
WAITING = f"open_webui_stack_waiting_sessions{SERVER}"


def sessions(state: str, application: str = "", metric: str = "count") -> str:
    """The series of the sessions in a state."""
    return f'pg_stat_activity_{metric}{{{OF},instance="a",state="{state}",application_name="{application}"}}'


def backup(end: str, place: str = "volume") -> str:
    """The series of the last run for a place that ended so."""
    return f'open_webui_stack_backup_{end}_timestamp_seconds{{{OF},instance="a",place="{place}"}}'


def certificate(time: str) -> str:
    """The series of a time of the certificate."""
    return f"open_webui_stack_certificate_{time}_timestamp_seconds{SERVER}"


def base_backup(time: str) -> str:
    """The series of a time of the base backups."""
    return f"open_webui_stack_base_backup_{time}_timestamp_seconds{SERVER}"


GIBIBYTE = 2**30
DAY = 86400
OLDEST_BACKUP = 26 * 60
"""Seconds; in minutes as the stack has it in hours. promtool's clock begins at 0."""
HEALTHY = {
    f"pg_up{POD}": "1x60",
    COLLECTOR: "1x60",
    ERROR: "0x60",
    sessions("active"): "20x60",
    sessions("idle"): "10x60",
    f"pg_settings_max_connections{SERVER}": "103x60",
    f"pg_settings_superuser_reserved_connections{SERVER}": "3x60",
    sessions("active", metric="max_tx_duration"): "3500x60",
    # A backup of a large database may take hours.
    sessions("idle in transaction", "backup", "max_tx_duration"): "7200x60",
    WAITING: "0 1 0x58",
    DEADLOCKS: "100x60",
    # Autovacuum freezes from 200 million on.
    XIDS: "210000000x60",
    MULTIXIDS: "10x60",
    # An attempt that fails once and succeeds then.
    ARCHIVED: "0+1x60",
    NOT_ARCHIVED: "5x10 6x50",
    # A burst of writes: the uploads are behind for a moment.
    BEHIND: "0 20 7x58",
    DATABASES: f"{6 * GIBIBYTE}x60",
    WAL: f"{GIBIBYTE}x60",
    TEMPORARY: "0x60",
    AVAILABLE: f"{3 * GIBIBYTE}x60",
    CAPACITY: f"{10 * GIBIBYTE}x60",
    certificate("not_before"): f"{-80 * DAY}x60",
    certificate("not_after"): f"{10 * DAY}x60",
    backup("succeeded"): "60+60x60",
    # A run failed before the last one succeeded.
    backup("failed"): "30+60x60",
    # Of a place that is not used any more.
    backup("succeeded", "elsewhere"): "1x60",
    backup("failed", "elsewhere"): "2x60",
    base_backup("begun"): "60+60x60",
    # An attempt that fails while the server starts.
    base_backup("failing_since"): "0x5 300x10 0x45",
}
FAILS: dict[str, str | None] = {ARCHIVED: "5x60", NOT_ARCHIVED: "0+1x60"}
TROUBLE: dict[str, tuple[dict[str, str | None], int]] = {
    "PostgreSQLDown": ({f"pg_up{POD}": "0x60"}, 1),
    "PostgreSQLMetricsAbsent": ({f"pg_up{POD}": None}, 5),
    "PostgreSQLExporterErrors": ({COLLECTOR: "0x60"}, 15),
    "PostgreSQLConnectionsHigh": ({sessions("idle"): "61x60"}, 10),
    "PostgreSQLConnectionsExhausted": ({sessions("idle"): "76x60"}, 1),
    "PostgreSQLLongTransaction": ({sessions("active", metric="max_tx_duration"): "3601x60"}, 5),
    "PostgreSQLLocksWait": ({WAITING: "1x60"}, 5),
    "PostgreSQLDeadlocks": ({DEADLOCKS: "100+1x60"}, 1),
    "PostgreSQLTransactionIdsOld": ({XIDS: "500000001x240"}, 60),
    "PostgreSQLWraparound": ({XIDS: "1500000001x60"}, 5),
    "PostgreSQLArchivingFails": (FAILS, 2),
    "PostgreSQLArchiveBehind": ({BEHIND: "8x60"}, 5),
    "PostgreSQLVolumeFilling": ({DATABASES: f"{7.1 * GIBIBYTE:.0f}x60"}, 15),
    "PostgreSQLVolumeFull": ({DATABASES: f"{8.1 * GIBIBYTE:.0f}x60"}, 5),
    "PostgreSQLCertificateEnds": ({certificate("not_after"): f"{8 * DAY}x60"}, 15),
    "PostgreSQLBackupOld": ({backup("succeeded"): "60x60"}, 32),
    "PostgreSQLBackupFailed": ({backup("failed"): "90+60x60"}, 15),
    "PostgreSQLBackupMissing": ({backup("succeeded"): None, backup("failed"): None}, 26),
    "PostgreSQLBaseBackupOld": ({base_backup("begun"): "60x60"}, 32),
    "PostgreSQLBaseBackupFailed": ({base_backup("failing_since"): "60x60"}, 15),
    "PostgreSQLBaseBackupMissing": ({base_backup("begun"): None}, 120),
}
"""Each alert: the metrics that differ (None: not there), and the minutes until it fires."""

OTHER_TROUBLE: list[tuple[str, dict[str, str | None]]] = [
    ("PostgreSQLExporterErrors", {ERROR: "1x60"}),
    ("PostgreSQLTransactionIdsOld", {MULTIXIDS: "500000001x240"}),
    ("PostgreSQLWraparound", {MULTIXIDS: "1500000001x60"}),
    ("PostgreSQLVolumeFilling", {WAL: f"{2.1 * GIBIBYTE:.0f}x60"}),
    ("PostgreSQLVolumeFilling", {TEMPORARY: f"{1.1 * GIBIBYTE:.0f}x60"}),
    # Where the kubelet's metrics are collected: what other files have filled.
    ("PostgreSQLVolumeFilling", {AVAILABLE: f"{1.9 * GIBIBYTE:.0f}x60"}),
    ("PostgreSQLVolumeFull", {AVAILABLE: f"{0.9 * GIBIBYTE:.0f}x60"}),
    # A certificate that has ended.
    ("PostgreSQLCertificateEnds", {certificate("not_after"): "60x60"}),
    # No run has succeeded.
    ("PostgreSQLBackupMissing", {backup("succeeded"): "0x60"}),
    ("PostgreSQLBackupFailed", {backup("succeeded"): "0x60"}),
    # The bucket is empty.
    ("PostgreSQLBaseBackupMissing", {base_backup("begun"): "0x60"}),
]
"""Other troubles that the same alerts are for."""

RULES: dict[str, Any] = prometheus_rules(
    "rag-system",
    volume_size="10Gi",
    backups=WatchedBackups(oldest=OLDEST_BACKUP, places=("volume",)),
    oldest_base_backup=OLDEST_BACKUP,
)


def test_every_rule_is_well_formed(promtool: Promtool) -> None:
    promtool.check(RULES, "--lint-fatal")


def test_the_file_in_the_repository_is_one_that_prometheus_reads_without_the_volumes_size(promtool: Promtool) -> None:
    promtool.check_file(ALERTS)


def test_every_alert_has_its_trouble_here() -> None:
    [group] = RULES["groups"]
    assert [rule["alert"] for rule in group["rules"]] == list(TROUBLE)


@pytest.mark.parametrize("alert", TROUBLE)
def test_an_alert_fires_on_its_trouble_and_only_then(promtool: Promtool, alert: str) -> None:
    differing, minutes = TROUBLE[alert]
    latest = max(40, minutes + 5)
    healthy = {name: value.replace("x60", "x240").replace("x58", "x238") for name, value in HEALTHY.items()}
    promtool.check_alert(RULES, alert, healthy, with_changes(healthy, differing), minutes=minutes, latest=latest)


@pytest.mark.parametrize(("alert", "changes"), OTHER_TROUBLE)
def test_an_alert_fires_on_each_of_its_troubles(promtool: Promtool, alert: str, changes: dict[str, str | None]) -> None:
    differing = {name: (value or "").replace("x60", "x240") for name, value in with_changes(HEALTHY, changes).items()}
    assert promtool.fires(RULES, alert, differing, 125)


def test_alerts_on_backups_need_backups(promtool: Promtool) -> None:
    without = prometheus_rules("rag-system", volume_size="10Gi", backups=None)
    promtool.check(without, "--lint-fatal")
    [group] = without["groups"]
    assert {rule["alert"] for rule in group["rules"]} == {name for name in TROUBLE if "Backup" not in name}
    # A database that is down, or without metrics, has an alert of its own.
    down = with_changes(HEALTHY, {f"pg_up{POD}": "0x60", backup("succeeded"): None, backup("failed"): None})
    assert not promtool.fires(RULES, "PostgreSQLBackupMissing", down, 50)


def test_a_server_that_is_down_has_one_alert_and_not_one_for_each_query(promtool: Promtool) -> None:
    down = with_changes(HEALTHY, {f"pg_up{POD}": "0x60", ERROR: "1x60", COLLECTOR: None})
    assert promtool.fires(RULES, "PostgreSQLDown", down, 30)
    assert not promtool.fires(RULES, "PostgreSQLExporterErrors", down, 30)


def test_the_volume_is_measured_without_the_kubelets_metrics_too(promtool: Promtool) -> None:
    without = with_changes(HEALTHY, {AVAILABLE: None, CAPACITY: None, DATABASES: f"{8.1 * GIBIBYTE:.0f}x60"})
    assert promtool.fires(RULES, "PostgreSQLVolumeFull", without, 30)


def test_another_stacks_trouble_is_not_this_ones(promtool: Promtool) -> None:
    for alert, (differing, _) in TROUBLE.items():
        assert not promtool.fires(RULES, alert, beside_another_stack(HEALTHY, differing), 30), alert


def test_the_dashboard_asks_what_prometheus_understands_about_this_stack_alone(promtool: Promtool) -> None:
    model = dashboard("rag-system")
    rows = [panel["title"] for panel in model["panels"] if panel["type"] == "row"]
    assert rows[:2] == ["Health", "Connections"]
    for query in queries(model):
        assert query.count("{") == query.count(OF), query
    promtool.check_queries(model)
