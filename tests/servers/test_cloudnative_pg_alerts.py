"""Every alert on a cluster of CloudNativePG, by promtool: it fires on its trouble, and not without it."""

import re
from typing import Any

import pytest
import yaml

from components.postgresql.cloudnative_pg.monitoring.alerts import (
    ALERTS,
    DASHBOARD,
    dashboard,
    prometheus_rules,
)
from components.postgresql.monitoring.alerts import WatchedBackups
from components.postgresql.settings import PostgreSQLSettings
from stack_config.files import read_stack
from stack_config.load import parse
from tests.support.cloudnative_pg import BARMAN_CLOUD, CLOUDNATIVE_PG
from tests.support.go_modules import module_directory
from tests.support.servers.promtool import Promtool, queries, with_changes
from tests.support.servers.promtool import promtool as promtool
from tests.support.servers.promtool import promtool_program as promtool_program
from tests.support.unit.effects_on_archive import ON as BUCKET
from tests.support.unit.effects_on_archive import SECRETS
from tests.support.unit.effects_on_cloudnative_pg import POOLED

QUERIES = ALERTS.with_name("queries.yaml")
_NAME = re.compile(r"\b(?:cnpg|barman_cloud)_[a-z0-9_]+\b")
OF = 'namespace="rag-system"'
PRIMARY, STANDBY = (f'{OF},pod="postgres-{number}"' for number in (1, 2))
GIBIBYTE = 2**30
OLDEST_BACKUP = 26 * 60
"""Seconds; in minutes as the stack has it in hours. promtool's clock begins at 0."""


def settings(*sets: str) -> PostgreSQLSettings:
    secrets = {f"open-webui-stack:{name}": value for name, value in SECRETS.items()}
    config = read_stack("dev", ["kubeContext=test", *POOLED, *BUCKET, *sets])
    return parse({**config.values, **secrets}, [*secrets]).postgresql


SETTINGS = settings("postgresql.archive.baseBackupHours=1", "postgresql.storage.size=10Gi")
RULES: dict[str, Any] = prometheus_rules(
    "rag-system", SETTINGS, WatchedBackups(oldest=OLDEST_BACKUP, places=("volume",))
)


def setting(name: str, pod: str = PRIMARY) -> str:
    return f'cnpg_pg_settings_setting{{{pod},name="{name}"}}'


def backends(state: str, application: str = "", metric: str = "total") -> str:
    return f'cnpg_backends_{metric}{{{PRIMARY},state="{state}",application_name="{application}"}}'


def dump(end: str, place: str = "volume") -> str:
    return f'cnpg_open_webui_stack_backup_{end}_timestamp_seconds{{{PRIMARY},place="{place}"}}'


def base_backup(end: str, pod: str = PRIMARY) -> str:
    return f"barman_cloud_cloudnative_pg_io_last_{end}_backup_timestamp{{{pod}}}"


UP, STANDBY_UP = (f'cnpg_collector_up{{{pod},cluster="postgres"}}' for pod in (PRIMARY, STANDBY))
RECOVERS, STANDBY_RECOVERS = (f"cnpg_pg_replication_in_recovery{{{pod}}}" for pod in (PRIMARY, STANDBY))
STANDBYS = f"cnpg_pg_replication_streaming_replicas{{{PRIMARY}}}"
LAG = f"cnpg_pg_replication_lag{{{STANDBY}}}"
ERROR = f"cnpg_collector_last_collection_error{{{PRIMARY}}}"
WAITING, DEADLOCKS = f"cnpg_backends_waiting_total{{{PRIMARY}}}", f"cnpg_pg_stat_database_deadlocks{{{PRIMARY}}}"
XIDS, MULTIXIDS = (f'cnpg_pg_database_{kind}_age{{{PRIMARY},datname="ragsystemdb"}}' for kind in ("xid", "mxid"))
DATABASE = f'cnpg_pg_database_size_bytes{{{PRIMARY},datname="ragsystemdb"}}'
WAL = f'cnpg_collector_pg_wal{{{PRIMARY},value="size"}}'
VOLUME = f'{{{OF},persistentvolumeclaim="postgres-2"}}'
AVAILABLE, CAPACITY = f"kubelet_volume_stats_available_bytes{VOLUME}", f"kubelet_volume_stats_capacity_bytes{VOLUME}"
ARCHIVED, NOT_ARCHIVED = (f"cnpg_pg_stat_archiver_{kind}_count{{{PRIMARY}}}" for kind in ("archived", "failed"))
CLIENTS_WAIT = f'cnpg_pgbouncer_pools_cl_waiting{{{OF},pod="postgres-pooler-1",database="ragsystemdb"}}'
HEALTHY = {
    UP: "1x60",
    STANDBY_UP: "1x60",
    RECOVERS: "0x60",
    STANDBY_RECOVERS: "1x60",
    STANDBYS: "2x60",
    LAG: "3 0x59",
    ERROR: "0x60",
    backends("active"): "100x60",
    backends("idle"): "100x60",
    setting("max_connections"): "403x60",
    setting("superuser_reserved_connections"): "3x60",
    backends("active", metric="max_tx_duration_seconds"): "3500x60",
    # A backup of a large database may take hours.
    backends("idle in transaction", "backup", "max_tx_duration_seconds"): "7200x60",
    WAITING: "0 1 0x58",
    DEADLOCKS: "100x60",
    XIDS: "210000000x60",
    MULTIXIDS: "10x60",
    DATABASE: f"{6 * GIBIBYTE}x60",
    WAL: f"{GIBIBYTE}x60",
    AVAILABLE: f"{3 * GIBIBYTE}x60",
    CAPACITY: f"{10 * GIBIBYTE}x60",
    CLIENTS_WAIT: "0 3 0x58",
    # An attempt that fails once and succeeds then.
    ARCHIVED: "0+1x60",
    NOT_ARCHIVED: "5x10 6x50",
    base_backup("available"): "60x60",
    # Each instance has the same times; one may have no answer yet.
    base_backup("available", STANDBY): "0x60",
    base_backup("failed"): "30x60",
    dump("succeeded"): "60+60x60",
    dump("failed"): "30+60x60",
    # Of a place that is not used any more.
    dump("succeeded", "elsewhere"): "1x60",
    dump("failed", "elsewhere"): "2x60",
    # Another cluster in the namespace.
    f'cnpg_collector_up{{{OF},pod="other-1",cluster="other"}}': "0x60",
    f'cnpg_backends_total{{{OF},pod="other-1",state="active"}}': "400x60",
}
NO_STANDBY: dict[str, str | None] = {STANDBYS: "0x60"}
TROUBLE: dict[str, tuple[dict[str, str | None], int]] = {
    "PostgreSQLDown": ({STANDBY_UP: "0x60"}, 1),
    "PostgreSQLMetricsAbsent": ({UP: None, STANDBY_UP: None}, 5),
    "PostgreSQLNoPrimary": ({UP: None, RECOVERS: None}, 2),
    "PostgreSQLExporterErrors": ({ERROR: "1x60"}, 15),
    "PostgreSQLStandbyMissing": ({STANDBYS: "1x60"}, 15),
    "PostgreSQLReplicationLag": ({LAG: "301x60"}, 1),
    "PostgreSQLConnectionsHigh": ({backends("idle"): "221x60"}, 10),
    "PostgreSQLConnectionsExhausted": ({backends("idle"): "281x60"}, 1),
    "PostgreSQLLongTransaction": ({backends("active", metric="max_tx_duration_seconds"): "3601x60"}, 5),
    "PostgreSQLLocksWait": ({WAITING: "1x60"}, 5),
    "PostgreSQLDeadlocks": ({DEADLOCKS: "100+1x60"}, 1),
    "PostgreSQLTransactionIdsOld": ({XIDS: "500000001x120"}, 60),
    "PostgreSQLWraparound": ({XIDS: "1500000001x60"}, 5),
    "PostgreSQLVolumeFilling": ({DATABASE: f"{7.1 * GIBIBYTE:.0f}x60"}, 15),
    "PostgreSQLVolumeFull": ({DATABASE: f"{8.1 * GIBIBYTE:.0f}x60"}, 5),
    "PostgreSQLWritesWait": (NO_STANDBY, 1),
    "PostgreSQLPoolerFull": ({CLIENTS_WAIT: "1x60"}, 5),
    "PostgreSQLArchivingFails": ({ARCHIVED: "5x60", NOT_ARCHIVED: "0+1x60"}, 2),
    # 60 s, then two hours at most: baseBackupHours 1.
    "PostgreSQLBaseBackupOld": ({base_backup("available"): "60x200"}, 127),
    "PostgreSQLBaseBackupFailed": ({base_backup("failed"): "90+60x60"}, 15),
    "PostgreSQLBaseBackupMissing": ({base_backup("available"): "0x200", base_backup("failed"): None}, 120),
    "PostgreSQLBackupOld": ({dump("succeeded"): "60x60"}, 32),
    "PostgreSQLBackupFailed": ({dump("failed"): "90+60x60"}, 15),
    "PostgreSQLBackupMissing": ({dump("succeeded"): None, dump("failed"): None}, 26),
}
"""Each alert: the metrics that differ (None: not there), and the minutes until it fires."""

OTHER_TROUBLE: list[tuple[str, dict[str, str | None]]] = [
    ("PostgreSQLDown", {UP: "0x60"}),
    # The primary is demoted, and no standby promoted.
    ("PostgreSQLNoPrimary", {RECOVERS: "1x60"}),
    ("PostgreSQLStandbyMissing", NO_STANDBY),
    ("PostgreSQLTransactionIdsOld", {MULTIXIDS: "500000001x120"}),
    ("PostgreSQLWraparound", {MULTIXIDS: "1500000001x60"}),
    ("PostgreSQLVolumeFilling", {WAL: f"{2.1 * GIBIBYTE:.0f}x60"}),
    # Where the kubelet's metrics are collected: what other files have filled, on any instance.
    ("PostgreSQLVolumeFilling", {AVAILABLE: f"{1.9 * GIBIBYTE:.0f}x60"}),
    ("PostgreSQLVolumeFull", {AVAILABLE: f"{0.9 * GIBIBYTE:.0f}x60"}),
    ("PostgreSQLBackupMissing", {dump("succeeded"): "0x60"}),
    ("PostgreSQLBackupFailed", {dump("succeeded"): "0x60"}),
]
"""Other troubles that the same alerts are for."""


def lasting(changes: dict[str, str | None], minutes: int) -> dict[str, str]:
    """All series with the changes, for so long: the last number of repetitions of each is replaced."""
    series = with_changes(HEALTHY, changes)
    return {name: f"{value.rpartition('x')[0]}x{minutes}" for name, value in series.items()}


def alerts(*sets: str, backups: WatchedBackups | None = None) -> set[str]:
    [group] = prometheus_rules("rag-system", settings(*sets), backups)["groups"]
    return {rule["alert"] for rule in group["rules"]}


def test_every_rule_is_well_formed(promtool: Promtool) -> None:
    promtool.check(RULES, "--lint-fatal")
    placeholders = ("STACK_NAMESPACE", "_BYTES", "STANDBYS", "SYNCHRONOUS", "OLDEST", "BACKUP_")
    assert not [word for word in placeholders if word in yaml.safe_dump(RULES)]


def test_the_file_in_the_repository_is_one_that_prometheus_reads(promtool: Promtool) -> None:
    """With numbers in the places of those that the settings give."""
    text = ALERTS.read_text()
    for word in ("VOLUME_BYTES", "STANDBYS", "SYNCHRONOUS", "OLDEST_BASE_BACKUP", "BACKUP_SECONDS"):
        assert word in text
    promtool.check_file(ALERTS)


def test_every_alert_has_its_trouble_here() -> None:
    [group] = RULES["groups"]
    assert [rule["alert"] for rule in group["rules"]] == list(TROUBLE)


@pytest.mark.parametrize("alert", TROUBLE)
def test_an_alert_fires_on_its_trouble_and_only_then(promtool: Promtool, alert: str) -> None:
    differing, minutes = TROUBLE[alert]
    latest = max(40, minutes + 5)
    # A healthy cluster has a base backup within the hour.
    backups = {base_backup("available"): f"60+60x{latest}", base_backup("failed"): f"30+60x{latest}"}
    healthy, troubled = lasting({**backups}, latest), lasting({**backups, **differing}, latest)
    promtool.check_alert(RULES, alert, healthy, troubled, minutes=minutes, latest=latest)


@pytest.mark.parametrize(("alert", "changes"), OTHER_TROUBLE)
def test_an_alert_fires_on_each_of_its_troubles(promtool: Promtool, alert: str, changes: dict[str, str | None]) -> None:
    assert promtool.fires(RULES, alert, lasting(changes, 90), 70)


def test_a_failover_of_a_minute_is_no_trouble(promtool: Promtool) -> None:
    """The primary is gone, and the standby is promoted: no alert but the one on the instance that is away."""
    failover = lasting({UP: "1x10 0x60", RECOVERS: "0x10 _x60", STANDBY_RECOVERS: "1x10 0x60"}, 60)
    series = {**failover, UP: "1x10 0x60", RECOVERS: "0x10 _x60", STANDBY_RECOVERS: "1x10 0x60"}
    assert not promtool.fires(RULES, "PostgreSQLNoPrimary", series, 14)
    assert promtool.fires(RULES, "PostgreSQLDown", series, 14)


def test_the_alerts_are_those_of_the_settings() -> None:
    everything = alerts(backups=WatchedBackups(oldest=OLDEST_BACKUP, places=("volume",)))
    assert everything == set(TROUBLE)
    assert everything - alerts() == {"PostgreSQLBackupOld", "PostgreSQLBackupFailed", "PostgreSQLBackupMissing"}
    assert {"PostgreSQLWritesWait"} == alerts() - alerts("postgresql.cloudnativePg.synchronous.durability=preferred")
    assert {"PostgreSQLWritesWait"} == alerts() - alerts("postgresql.cloudnativePg.instances=1")


def test_the_age_of_a_base_backup_follows_from_the_setting() -> None:
    archives = [settings(f"postgresql.archive.baseBackupHours={hours}").archive for hours in (1, 2, 24)]
    assert [each.oldest_base_backup for each in archives] == [2 * 3600, 4 * 3600, 26 * 3600]


def test_prometheus_understands_every_query_of_the_dashboard(promtool: Promtool) -> None:
    promtool.check_queries(dashboard("rag-system"))
    assert len(queries(dashboard("rag-system"))) > 25
    assert DASHBOARD.read_text().count("pg_up") == 0


def test_the_operator_and_its_plugin_export_every_metric() -> None:
    """Names in their source: the default queries, the collector, PgBouncer's views, the plugin. And in our queries."""
    known = _operator_metrics()
    text = yaml.safe_dump(RULES) + "\n".join(queries(dashboard("rag-system")))
    ages = "cnpg_pg_database_(xid|mxid)_age"
    assert ages in text
    used = {*_NAME.findall(text.replace(ages, "")), "cnpg_pg_database_xid_age", "cnpg_pg_database_mxid_age"}
    assert len(used) > 30
    assert used <= known, used - known


def _operator_metrics() -> set[str]:
    operator, plugin = module_directory(CLOUDNATIVE_PG), module_directory(BARMAN_CLOUD)
    monitoring = yaml.safe_load((operator / "config/manager/default-monitoring.yaml").read_text())
    documents = [yaml.safe_load(monitoring["data"]["queries"]), yaml.safe_load(QUERIES.read_text())]
    of_queries = {
        f"cnpg_{query.get('name', name)}_{column}"
        for document in documents
        for name, query in document.items()
        for metric in query["metrics"]
        for column in metric
    }
    documented = "".join(
        (operator / "docs/src" / page).read_text() for page in ("monitoring.md", "connection_pooling.md")
    )
    of_collector = {name for name in _NAME.findall(documented) if name.startswith(("cnpg_collector", "cnpg_pgbouncer"))}
    of_plugin = set(_NAME.findall((plugin / "web/docs/observability.md").read_text()))
    return of_queries | of_collector | of_plugin
