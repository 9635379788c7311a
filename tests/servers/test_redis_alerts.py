"""Every alert of Redis, by promtool: it fires on the trouble that it is for, and not without it."""

from typing import Any

import pytest

from components.redis.monitoring.alerts import ALERTS, dashboard, prometheus_rules
from components.redis.settings import RedisSettings
from components.redis.topologies.cluster import Cluster
from components.redis.topologies.sentinel import Sentinel
from tests.support.servers.promtool import Promtool, beside_another_stack, with_changes
from tests.support.servers.promtool import promtool as promtool
from tests.support.servers.promtool import promtool_program as promtool_program

OF = 'namespace="rag-system"'
POD = f'{{{OF},instance="a"}}'
MASTER = f'redis_instance_info{{{OF},instance="a",role="master"}}'
LAG = f'redis_connected_slave_lag_seconds{{{OF},instance="a",slave_ip="redis-1"}}'
DISCONNECTED = f"redis_client_output_buffer_limit_disconnections_total{POD}"
HEALTHY = {
    f"redis_up{POD}": "1x60",
    f"redis_memory_used_bytes{POD}": "50x60",
    f"redis_memory_max_bytes{POD}": "100x60",
    f"redis_evicted_keys_total{POD}": "7x60",
    f"redis_rejected_connections_total{POD}": "7x60",
    DISCONNECTED: "7x60",
    f"redis_connected_slaves{POD}": "2x60",
    LAG: "1x60",
    MASTER: "1x60",
}
HEALTHY_CLUSTER = {
    **{name: value for name, value in HEALTHY.items() if name != f"redis_connected_slaves{POD}"},
    f"redis_connected_slaves{POD}": "1x60",
    f"redis_cluster_state{POD}": "1x60",
    f"redis_cluster_slots_ok{POD}": "16384x60",
}
CLUSTER_TROUBLE: dict[str, tuple[dict[str, str | None], int]] = {
    "RedisClusterDown": ({f"redis_cluster_state{POD}": "0x60"}, 1),
    "RedisSlotsUncovered": ({f"redis_cluster_slots_ok{POD}": "10922x60"}, 1),
    "RedisReplicaMissing": ({f"redis_connected_slaves{POD}": "0x60"}, 5),
}
TROUBLE: dict[str, tuple[dict[str, str | None], int]] = {
    "RedisDown": ({f"redis_up{POD}": "0x60"}, 1),
    "RedisExporterAbsent": ({f"redis_up{POD}": None}, 5),
    "RedisMemoryHigh": ({f"redis_memory_used_bytes{POD}": "76x60"}, 15),
    "RedisMemoryFull": ({f"redis_memory_used_bytes{POD}": "91x60"}, 5),
    "RedisEvicts": ({f"redis_evicted_keys_total{POD}": "7+1x60"}, 1),
    "RedisRejectsConnections": ({f"redis_rejected_connections_total{POD}": "7+1x60"}, 1),
    "RedisDisconnectsSlowClients": ({DISCONNECTED: "7+1x60"}, 1),
    "RedisReplicationLag": ({LAG: "11x60"}, 1),
    "RedisReplicaMissing": ({f"redis_connected_slaves{POD}": "1x60"}, 5),
    "RedisNoMaster": ({MASTER: None}, 1),
}
"""Each alert: the metrics that differ (None: not there), and the minutes until it fires."""

RULES: dict[str, Any] = prometheus_rules(Sentinel(RedisSettings()), "rag-system")
CLUSTER_RULES: dict[str, Any] = prometheus_rules(Cluster(RedisSettings()), "rag-system")


@pytest.mark.parametrize("rules", [RULES, CLUSTER_RULES], ids=["sentinel", "cluster"])
def test_every_rule_is_well_formed(promtool: Promtool, rules: dict[str, Any]) -> None:
    promtool.check(rules, "--lint-fatal")


def test_the_file_in_the_repository_is_one_that_prometheus_reads(promtool: Promtool) -> None:
    promtool.check_file(ALERTS)


def test_every_alert_has_its_trouble_here() -> None:
    [group] = RULES["groups"]
    assert {rule["alert"] for rule in group["rules"]} == set(TROUBLE)
    [group] = CLUSTER_RULES["groups"]
    shared = set(TROUBLE) - {"RedisReplicaMissing", "RedisNoMaster"}
    assert {rule["alert"] for rule in group["rules"]} == shared | set(CLUSTER_TROUBLE)


@pytest.mark.parametrize("alert", TROUBLE)
def test_an_alert_fires_on_its_trouble_and_only_then(promtool: Promtool, alert: str) -> None:
    differing, minutes = TROUBLE[alert]
    promtool.check_alert(RULES, alert, HEALTHY, with_changes(HEALTHY, differing), minutes=minutes, latest=30)


@pytest.mark.parametrize("alert", CLUSTER_TROUBLE)
def test_an_alert_of_a_cluster_fires_on_its_trouble_and_only_then(promtool: Promtool, alert: str) -> None:
    differing, minutes = CLUSTER_TROUBLE[alert]
    troubled = with_changes(HEALTHY_CLUSTER, differing)
    promtool.check_alert(CLUSTER_RULES, alert, HEALTHY_CLUSTER, troubled, minutes=minutes, latest=30)


def test_another_stacks_trouble_is_not_this_ones(promtool: Promtool) -> None:
    for alert, (differing, _) in TROUBLE.items():
        assert not promtool.fires(RULES, alert, beside_another_stack(HEALTHY, differing), 30), alert


def test_the_dashboard_asks_what_prometheus_understands(promtool: Promtool) -> None:
    model = dashboard("rag-system")
    assert len(model["panels"]) >= 8
    promtool.check_queries(model)
