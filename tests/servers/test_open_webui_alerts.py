"""Every alert of Open WebUI, by promtool: it fires on the trouble that it is for, and not without it."""

from typing import Any

import pytest

from components.open_webui.monitoring.alerts import ALERTS, dashboard, prometheus_rules
from stackctl.drift import metrics
from stackctl.drift.differences import Comparison, Drift
from tests.support.servers.promtool import Promtool, beside_another_stack, queries, with_changes
from tests.support.servers.promtool import promtool as promtool
from tests.support.servers.promtool import promtool_program as promtool_program

MIGRATION_MINUTES = 20


def requests(status: str, route: str = "/api/chats", instance: str = "a") -> str:
    """The counter of the requests of one replica with a status."""
    labels = f'job="rag-system/open-webui",instance="{instance}",http_route="{route}",http_status_code="{status}"'
    return f"http_server_requests_total{{{labels}}}"


def duration(bound: str, route: str = "/api/chats") -> str:
    """A bucket of the histogram of the time to a response."""
    labels = f'job="rag-system/open-webui",instance="a",http_route="{route}",le="{bound}"'
    return f"http_server_duration_milliseconds_bucket{{{labels}}}"


DEPLOYMENT = '{namespace="rag-system",deployment="open-webui"}'
READY, WANTED = f"kube_deployment_status_replicas_ready{DEPLOYMENT}", f"kube_deployment_spec_replicas{DEPLOYMENT}"
MIGRATE = '{namespace="rag-system",pod="open-webui-7d-x",container="migrate"}'
RUNNING = f"kube_pod_init_container_status_running{MIGRATE}"
RESTARTS = f"kube_pod_init_container_status_restarts_total{MIGRATE}"
DRIFT_LABELS = '{environment="prod",namespace="rag-system"}'
DRIFTED, COMPARED = f"{metrics.OBJECTS}{DRIFT_LABELS}", f"{metrics.COMPARED}{DRIFT_LABELS}"
BEFORE_26_HOURS = -26 * 3600
"""Seconds since the first minute of a test."""
HEALTHY = {
    requests("200"): "0+600x60",
    requests("200", instance="b"): "0+600x60",
    requests("500"): "0+5x60",
    # Probes of a replica that is not ready: neither errors nor requests.
    requests("500", "/health/db"): "0+6000x60",
    duration("1000"): "0+600x60",
    duration("5000"): "0+600x60",
    duration("10000"): "0+600x60",
    duration("+Inf"): "0+600x60",
    duration("5000", "/health/db"): "0x60",
    duration("+Inf", "/health/db"): "0+6000x60",
    READY: "3x60",
    WANTED: "3x60",
    RUNNING: "0x60",
    RESTARTS: "1x60",
    DRIFTED: "0x60",
    COMPARED: "0x60",
}
TROUBLE: dict[str, tuple[dict[str, str | None], int]] = {
    "OpenWebUIErrorsHigh": ({requests("500"): "0+100x60"}, 10),
    "OpenWebUISlow": ({duration("1000"): "0+100x60", duration("5000"): "0+500x60"}, 15),
    "OpenWebUIMetricsAbsent": (dict.fromkeys(name for name in HEALTHY if name.startswith("http_server_requests")), 10),
    "OpenWebUINoReplicaReady": ({READY: "0x60"}, 2),
    "OpenWebUIReplicasMissing": ({READY: "2x60"}, 20),
    "OpenWebUIMigrationStuck": ({RUNNING: "1x60"}, MIGRATION_MINUTES),
    "OpenWebUIMigrationFails": ({RESTARTS: "0+1x60"}, 1),
    "StackDrift": ({DRIFTED: "2x60"}, 15),
    "StackDriftUnknown": ({COMPARED: f"{BEFORE_26_HOURS + 600}x60"}, 11),
}
"""Each alert: the metrics that differ (None: not there), and the minutes until it fires."""

RULES: dict[str, Any] = prometheus_rules("rag-system", pushes_metrics=True, migrate_seconds=MIGRATION_MINUTES * 60)


def test_every_rule_is_well_formed(promtool: Promtool) -> None:
    promtool.check(RULES, "--lint-fatal")


def test_the_file_in_the_repository_is_one_that_prometheus_reads(promtool: Promtool) -> None:
    promtool.check_file(ALERTS)


def test_every_alert_has_its_trouble_here() -> None:
    [group] = RULES["groups"]
    assert {rule["alert"] for rule in group["rules"]} == set(TROUBLE)


@pytest.mark.parametrize("alert", TROUBLE)
def test_an_alert_fires_on_its_trouble_and_only_then(promtool: Promtool, alert: str) -> None:
    differing, minutes = TROUBLE[alert]
    assert not promtool.fires(RULES, alert, HEALTHY, 30)
    promtool.check_alert(RULES, alert, HEALTHY, with_changes(HEALTHY, differing), minutes=minutes, latest=40)


def test_a_longer_migration_may_run_longer(promtool: Promtool) -> None:
    rules = prometheus_rules("rag-system", pushes_metrics=False, migrate_seconds=7200)
    assert not promtool.fires(rules, "OpenWebUIMigrationStuck", {**HEALTHY, RUNNING: "1x60"}, 40)


def test_another_stacks_trouble_is_not_this_ones(promtool: Promtool) -> None:
    for alert, (differing, _) in TROUBLE.items():
        assert not promtool.fires(RULES, alert, beside_another_stack(HEALTHY, differing), 30), alert


@pytest.mark.parametrize("alert", ["StackDrift", "StackDriftUnknown"])
def test_a_scrape_that_renames_the_namespace_shows_drift_as_well(promtool: Promtool, alert: str) -> None:
    """node_exporter in the cluster: its own namespace is a label of the target, which wins."""

    def renamed(series: dict[str, str]) -> dict[str, str]:
        target = 'exported_namespace="rag-system",namespace="monitoring"'
        return {name.replace('namespace="rag-system"', target): value for name, value in series.items()}

    differing, minutes = TROUBLE[alert]
    healthy = {name: HEALTHY[name] for name in (DRIFTED, COMPARED)}
    troubled = renamed(with_changes(healthy, differing))
    promtool.check_alert(RULES, alert, renamed(healthy), troubled, minutes=minutes, latest=40)
    # Of a stack in the namespace of Prometheus it would be another one's.
    others = prometheus_rules("monitoring", pushes_metrics=True, migrate_seconds=60)
    assert not promtool.fires(others, alert, troubled, 40)


@pytest.mark.parametrize("alert", ["StackDrift", "StackDriftUnknown"])
def test_a_stack_that_is_never_compared_has_no_alert_on_drift(promtool: Promtool, alert: str) -> None:
    assert not promtool.fires(RULES, alert, with_changes(HEALTHY, dict.fromkeys((DRIFTED, COMPARED))), 40)


def test_the_metrics_of_a_comparison_are_in_the_format_of_prometheus(promtool: Promtool) -> None:
    comparison = Comparison(drifts=(Drift(resource="Service redis-service", deleted=True),), ended=1_796_000_000)
    text = metrics.metrics_text(comparison, environment='a"b\\c', namespace="rag-system")
    promtool.check_metrics(text)
    assert promtool.run("check", "metrics", stdin=text.replace("} 1", "} one")).returncode != 0


def test_users_are_never_summed_over_replicas(promtool: Promtool) -> None:
    model = dashboard("rag-system")
    promtool.check_queries(model)
    of_users = [query for query in queries(model) if "webui_users" in query]
    assert len(of_users) == 3
    assert all(query.startswith("max(") for query in of_users)
