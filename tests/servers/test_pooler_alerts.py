"""Every alert of PgBouncer, by promtool: it fires on the trouble that it is for, and not without it."""

from typing import Any

import pytest

from components.postgresql.pooler.monitoring.alerts import ALERTS, dashboard, prometheus_rules
from tests.support.servers.promtool import Promtool, beside_another_stack, queries, with_changes
from tests.support.servers.promtool import promtool as promtool
from tests.support.servers.promtool import promtool_program as promtool_program

OF = 'namespace="rag-system"'


def of_pod(metric: str, pod: str = "a") -> str:
    """A series of one pod."""
    return f'{metric}{{{OF},instance="{pod}"}}'


def of_pool(metric: str, pod: str = "a", user: str = "ragsystemapp_1") -> str:
    """A series of the pool of a user."""
    return f'pgbouncer_pools_client_{metric}{{{OF},instance="{pod}",database="ragsystemdb",user="{user}"}}'


UP = of_pod("pgbouncer_up")
UP_TOO = of_pod("pgbouncer_up", "b")
WAITING, LONGEST, ACTIVE = of_pool("waiting_connections"), of_pool("maxwait_seconds"), of_pool("active_connections")
HEALTHY = {
    UP: "1x60",
    # A pod that is replaced.
    UP_TOO: "1x10 0 1x49",
    # Bursts: each pair of scrapes has one without a waiting client.
    WAITING: "0 3 0 9 0 0x56",
    # A failover of the server behind it.
    LONGEST: "0 20 0x59",
    ACTIVE: "700x60",
    of_pool("active_connections", user="ragsystemapp_2"): "90x60",
    of_pod("pgbouncer_config_max_client_connections"): "1000x60",
    # Each pod has its own limit.
    of_pool("active_connections", "b"): "700x60",
    of_pod("pgbouncer_config_max_client_connections", "b"): "1000x60",
}
TROUBLE: dict[str, tuple[dict[str, str | None], int]] = {
    "PostgreSQLPoolerDown": ({UP: "0x60"}, 1),
    "PostgreSQLPoolerMetricsAbsent": ({UP: None, UP_TOO: None}, 5),
    "PostgreSQLPoolerFull": ({WAITING: "1x60"}, 5),
    "PostgreSQLPoolerWaitLong": ({LONGEST: "15x60"}, 1),
    "PostgreSQLPoolerClientsHigh": ({ACTIVE: "711x60"}, 10),
}
"""Each alert: the metrics that differ (None: not there), and the minutes until it fires."""

OTHER_TROUBLE: list[tuple[str, dict[str, str | None]]] = [
    ("PostgreSQLPoolerDown", {UP_TOO: "0x60"}),
    # In turn in two pods: there is always one that waits.
    ("PostgreSQLPoolerFull", {WAITING: "1 0 1 0 1 0x55", of_pool("waiting_connections", "b"): "0 1 0 1 0 1x55"}),
    ("PostgreSQLPoolerWaitLong", {of_pool("maxwait_seconds", "b"): "29x60"}),
    ("PostgreSQLPoolerClientsHigh", {WAITING: "20x60"}),
]
"""Other troubles that the same alerts are for."""

RULES: dict[str, Any] = prometheus_rules("rag-system")


def test_every_rule_is_well_formed(promtool: Promtool) -> None:
    promtool.check(RULES, "--lint-fatal")
    promtool.check_file(ALERTS)


def test_every_alert_has_its_trouble_here() -> None:
    [group] = RULES["groups"]
    assert [rule["alert"] for rule in group["rules"]] == list(TROUBLE)


@pytest.mark.parametrize("alert", TROUBLE)
def test_an_alert_fires_on_its_trouble_and_only_then(promtool: Promtool, alert: str) -> None:
    differing, minutes = TROUBLE[alert]
    for minute in (1, 3, 5, 11):
        assert not promtool.fires(RULES, alert, HEALTHY, minute)
    promtool.check_alert(RULES, alert, HEALTHY, with_changes(HEALTHY, differing), minutes=minutes, latest=40)


@pytest.mark.parametrize(("alert", "changes"), OTHER_TROUBLE)
def test_an_alert_fires_on_each_of_its_troubles(promtool: Promtool, alert: str, changes: dict[str, str | None]) -> None:
    assert promtool.fires(RULES, alert, with_changes(HEALTHY, changes), 40)


def test_another_stacks_trouble_is_not_this_ones(promtool: Promtool) -> None:
    for alert, (differing, _) in TROUBLE.items():
        assert not promtool.fires(RULES, alert, beside_another_stack(HEALTHY, differing), 30), alert


def test_the_dashboard_asks_what_prometheus_understands_about_this_stack_alone(promtool: Promtool) -> None:
    model = dashboard("rag-system")
    assert [panel["title"] for panel in model["panels"] if panel["type"] == "row"][:2] == ["Health", "Connections"]
    assert len(queries(model)) > 10
    for query in queries(model):
        assert query.count("{") == query.count(OF), query
    promtool.check_queries(model)
