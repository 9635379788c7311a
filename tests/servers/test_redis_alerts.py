"""Every alert of Redis, by promtool: it fires on the trouble that it is for, and not without it."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.redis.monitoring.alerts import ALERTS, dashboard, prometheus_rules
from components.redis.settings import RedisSettings
from components.redis.topologies.cluster import Cluster
from components.redis.topologies.sentinel import Sentinel
from devcluster.toolchain.go_programs import PROMTOOL, build

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


@pytest.fixture(scope="session")
def promtool() -> str:
    return shutil.which("promtool") or str(build(PROMTOOL))


def run(promtool: str, directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([promtool, *arguments], cwd=directory, capture_output=True, text=True, check=False)


def fires(
    promtool: str, directory: Path, alert: str, series: dict[str, str], minute: int, rules: dict[str, Any] = RULES
) -> bool:
    """Whether the alert is on at that minute. Told to expect none, promtool fails when there is one, and shows it."""
    (directory / "rules.yaml").write_text(yaml.safe_dump(rules))
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [{"eval_time": f"{minute}m", "alertname": alert, "exp_alerts": []}],
    }
    file = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": [test]}
    (directory / "test.yaml").write_text(yaml.safe_dump(file))
    done = run(promtool, directory, "test", "rules", "test.yaml")
    output = done.stdout + done.stderr
    assert done.returncode == 0 or f"alertname: {alert}" in output, output
    return done.returncode != 0


@pytest.mark.parametrize("rules", [RULES, CLUSTER_RULES], ids=["sentinel", "cluster"])
def test_every_rule_is_well_formed(promtool: str, tmp_path: Path, rules: dict[str, Any]) -> None:
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules))
    done = run(promtool, tmp_path, "check", "rules", "--lint-fatal", "rules.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_file_in_the_repository_is_one_that_prometheus_reads(promtool: str, tmp_path: Path) -> None:
    done = run(promtool, tmp_path, "check", "rules", str(ALERTS))
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_its_trouble_here() -> None:
    [group] = RULES["groups"]
    assert {rule["alert"] for rule in group["rules"]} == set(TROUBLE)
    [group] = CLUSTER_RULES["groups"]
    shared = set(TROUBLE) - {"RedisReplicaMissing", "RedisNoMaster"}
    assert {rule["alert"] for rule in group["rules"]} == shared | set(CLUSTER_TROUBLE)


@pytest.mark.parametrize("alert", TROUBLE)
def test_an_alert_fires_on_its_trouble_and_only_then(promtool: str, tmp_path: Path, alert: str) -> None:
    differing, minutes = TROUBLE[alert]
    series = {name: value for name, value in {**HEALTHY, **differing}.items() if value is not None}
    assert not fires(promtool, tmp_path, alert, HEALTHY, 30)
    assert fires(promtool, tmp_path, alert, series, 30)
    assert minutes <= 1 or not fires(promtool, tmp_path, alert, series, minutes - 1)


@pytest.mark.parametrize("alert", CLUSTER_TROUBLE)
def test_an_alert_of_a_cluster_fires_on_its_trouble_and_only_then(promtool: str, tmp_path: Path, alert: str) -> None:
    differing, minutes = CLUSTER_TROUBLE[alert]
    series = {name: value for name, value in {**HEALTHY_CLUSTER, **differing}.items() if value is not None}
    assert not fires(promtool, tmp_path, alert, HEALTHY_CLUSTER, 30, CLUSTER_RULES)
    assert fires(promtool, tmp_path, alert, series, 30, CLUSTER_RULES)
    assert minutes <= 1 or not fires(promtool, tmp_path, alert, series, minutes - 1, CLUSTER_RULES)


def test_another_stacks_trouble_is_not_this_ones(promtool: str, tmp_path: Path) -> None:
    for alert, (differing, _) in TROUBLE.items():
        changed = {name: value for name, value in differing.items() if value is not None}
        elsewhere = {name.replace("rag-system", "other"): value for name, value in {**HEALTHY, **changed}.items()}
        assert not fires(promtool, tmp_path, alert, {**HEALTHY, **elsewhere}, 30), alert


def test_the_dashboard_asks_what_prometheus_understands(promtool: str, tmp_path: Path) -> None:
    panels = dashboard("rag-system")["panels"]
    assert len(panels) >= 8
    queries = [target["expr"] for panel in panels for target in panel["targets"]]
    records = [{"record": f"panel:{number}", "expr": query} for number, query in enumerate(queries)]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": records}]}))
    done = run(promtool, tmp_path, "check", "rules", "rules.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
