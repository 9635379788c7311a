"""redis_exporter as the pods run it: with its user it exports every metric that an alert or the dashboard names.

Debian's exporter is older than the image's. What it does not know yet is named here, and is looked for in the server.
"""

import re
from pathlib import Path

import pytest

from components.redis.monitoring.alerts import dashboard, prometheus_rules
from components.redis.settings import EXPORTER_IMAGE, RedisSettings
from components.redis.topologies.base import ServerTopology
from components.redis.topologies.cluster import Cluster
from components.redis.topologies.sentinel import Sentinel
from components.redis.topologies.standalone import Standalone
from tests.support.servers.exporters import Metrics
from tests.support.servers.promtool import queries
from tests.support.servers.redis_cluster import PASSWORDS, cluster_of
from tests.support.servers.redis_load import slow_subscriber, subscribers
from tests.support.servers.redis_nodes import Nodes, resolve_names
from tests.support.servers.redis_nodes import nodes as nodes
from tests.support.servers.redis_server import EXPORTER_PASSWORD, INSPECTOR_PASSWORD, Start, on_every_engine
from tests.support.servers.rendered import Find, Manifest
from tests.support.servers.running_exporters import redis_exporter
from tests.support.servers.server_process import wait_until

SINCE_REDIS_7_2 = "client_output_buffer_limit_disconnections"
"""Field of INFO, which redis_exporter knows since `KNOWN_SINCE`."""

KNOWN_SINCE = (1, 64)
NOT_IN_DEBIANS = {f"redis_{SINCE_REDIS_7_2}_total"}
OF_REPLICAS = {"redis_connected_slave_lag_seconds"}


def exported(workload: Manifest, directory: Path, host: str, port: int, password: str) -> Metrics:
    """What the exporter of a rendered pod says about the server at that address."""
    with redis_exporter(workload, directory, host, port, password) as running:
        return running.metrics()


def named(topology: type[ServerTopology]) -> set[str]:
    """Metrics that the alerts of a topology and the dashboard ask for."""
    [group] = prometheus_rules(topology(RedisSettings()), "x")["groups"]
    asked = [*(rule["expr"] for rule in group["rules"]), *queries(dashboard("x"))]
    return {name for query in asked for name in re.findall(r"\bredis_\w+", query)}


def monitored(engine: str, *sets: str) -> tuple[str, ...]:
    return (f"redis.engine={engine}", "monitoring.enabled=true", *sets)


@on_every_engine
def test_every_metric_of_a_single_server_is_exported(start: Start, manifest: Find, engine: str) -> None:
    workload = manifest("prod", "Deployment", "redis", monitored(engine))
    with start("prod") as server:
        metrics = exported(workload, server.directory, "127.0.0.1", server.port, EXPORTER_PASSWORD)
        assert named(Standalone) - NOT_IN_DEBIANS - OF_REPLICAS <= set(metrics)
        assert [sample.value for sample in metrics["redis_up"]] == [1]
        # Its user is denied nothing that it asks for.
        assert server.denials() == []


@on_every_engine
def test_every_metric_of_a_primary_with_replicas_is_exported(nodes: Nodes, manifest: Find, engine: str) -> None:
    workload = manifest("prod", "StatefulSet", "redis", monitored(engine, "redis.topology=sentinel"))
    master, *replicas = nodes.nodes
    metrics = exported(workload, master.directory, master.address, 6379, PASSWORDS["exporter"][0])
    assert named(Sentinel) - NOT_IN_DEBIANS <= set(metrics)
    lags = [sample.labels["slave_ip"] for sample in metrics["redis_connected_slave_lag_seconds"]]
    assert sorted(lags) == [node.name for node in replicas]
    assert [sample.labels["role"] for sample in metrics["redis_instance_info"]] == ["master"]
    assert [entry["object"] for entry in master.client().acl_log() if entry["username"] == "exporter"] == []


@on_every_engine
def test_every_metric_of_a_cluster_is_exported(
    directory: Path, manifest: Find, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    workload = manifest("prod", "StatefulSet", "redis", monitored(engine, "redis.topology=cluster"))
    with cluster_of(directory, manifest, f"redis.engine={engine}") as cluster:
        resolve_names(cluster, monkeypatch)
        cluster.bring_up()
        master = next(node for node in cluster.nodes if cluster.role(node) == "master")
        metrics = exported(workload, master.directory, master.address, 6379, PASSWORDS["exporter"][0])
        assert named(Cluster) - NOT_IN_DEBIANS <= set(metrics)
        assert [sample.value for sample in metrics["redis_cluster_slots_ok"]] == [16384]
        assert cluster.denials() == []


def test_an_exporter_that_is_turned_away_says_that_redis_is_down(start: Start, manifest: Find) -> None:
    workload = manifest("prod", "Deployment", "redis", monitored("redis"))
    with start("prod") as server:
        metrics = exported(workload, server.directory, "127.0.0.1", server.port, "wrong")
    assert [sample.value for sample in metrics["redis_up"]] == [0]


# Redis does since 7.2; Debian's may be older.
@pytest.mark.parametrize("engine", ["valkey"])
def test_a_subscriber_that_is_disconnected_is_counted(start: Start) -> None:
    with start("dev") as server:
        inspector = server.client("inspector", INSPECTOR_PASSWORD)
        assert inspector.info("stats")[SINCE_REDIS_7_2] == 0
        with slow_subscriber(server):
            wait_until(lambda: subscribers(server) == 1, "the subscriber", 10)
            for _ in range(200):
                server.openwebui().publish("socketio", "x" * 2**20)
            wait_until(lambda: subscribers(server) == 0, "its end", 10)
        assert inspector.info("stats")[SINCE_REDIS_7_2] == 1


def test_the_exporter_of_the_pods_knows_that_count() -> None:
    version = re.search(r":v(\d+)\.(\d+)\.", EXPORTER_IMAGE)
    assert version
    assert (int(version[1]), int(version[2])) >= KNOWN_SINCE
