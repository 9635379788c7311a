"""Dashboards, alerts and monitors on the node: Prometheus in a pod finds its targets as the deployed objects say."""

import time
from collections.abc import Iterator

import pytest

from components.postgresql.pooler.names import POOLER
from devcluster.node.images import store
from devcluster.node.images.definitions import pgbouncer, pgbouncer_exporter, postgresql_releases
from stackctl.deployed.stack import Stack
from tests.support.e2e.model_access import machine_address
from tests.support.e2e.node import Node
from tests.support.e2e.object_storage import object_storage
from tests.support.e2e.observation import observed
from tests.support.e2e.panel_data import pass_time, record
from tests.support.e2e.prometheus_pod import OTLP_ENDPOINT, define, prometheus, reaches
from tests.support.e2e.watched_stack import (
    NOT_ON_THE_NODE,
    dashboards,
    every_alert_has_its_metrics,
    every_panel_returns_data,
    every_target_is_scraped,
    no_alert_is_active,
)
from tests.support.servers.prometheus import Prometheus

pytestmark = pytest.mark.fault

REPLICAS, REDIS, POOLERS = 2, 3, 2
TARGETS = {
    "ServiceMonitor/rag-system/redis/metrics": REDIS,
    "ServiceMonitor/rag-system/postgres/metrics": 1,
    "ServiceMonitor/rag-system/postgres-pooler/metrics": POOLERS,
}
SERVERS = {"redis": (6379, 9121), "postgres": (5432, 9187), POOLER: (5432, 9127)}
"""Port of each server, and of its exporter."""

PANELS_WITHOUT_DATA = {
    ("redis", "Slow clients disconnected"): "the redis_exporter of Debian is older than that of the image",
    ("postgresql", "Age of the last failed run"): "no backup has failed",
    ("postgresql", "Base backups fail for"): "no base backup has failed",
    ("postgresql", "Certificate ends in"): "PostgreSQL has no TLS here",
}
"""Panels that return nothing on this healthy stack; tests/servers/test_panels.py has the data of all but the first."""

SELECTORS_WITHOUT_SERIES = {
    **NOT_ON_THE_NODE,
    '"open_webui_stack_certificate_': "PostgreSQL has no TLS here",
    'http_status_code=~"5.."': "no request fails",
}


@pytest.fixture(scope="module")
def stack(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack with all that has metrics, on a node of its own; for the fixtures of all modules, too."""
    # The default image of a node has an older server than its name says, and the exporter goes by the name.
    store.ensure([*postgresql_releases(), pgbouncer(), pgbouncer_exporter()])
    with node.own(), object_storage(tmp_path_factory.mktemp("storage")) as storage:
        # The kinds of the operator have to be in the cluster before the stack.
        node.start()
        deployed = node.stack()
        define(deployed.kubectl)
        machine = machine_address(deployed)
        storage.serve(deployed.kubectl, machine)
        node.sets.update(
            {
                "monitoring.enabled": "true",
                "monitoring.operator": "true",
                "openWebui.replicas": str(REPLICAS),
                "openWebui.observability.otel.metricsEndpoint": OTLP_ENDPOINT,
                "openWebui.observability.otel.intervalSeconds": "10",
                "redis.topology": "sentinel",
                "postgresql.image": postgresql_releases()[1].names[0],
                "postgresql.pooler.enabled": "true",
                "postgresql.pooler.instances": str(POOLERS),
                "postgresql.archive.enabled": "true",
                "backup.enabled": "true",
                **storage.settings("postgresql.archive.s3", machine),
            }
        )
        node.secret_files.update(storage.secret_files("archive"))
        node.up()
        yield node.stack()


@pytest.fixture(scope="module")
def server(stack: Stack) -> Iterator[Prometheus]:
    """Prometheus with the deployed monitors and rules."""
    with prometheus(stack) as running:
        yield running


def test_the_monitors_find_every_exporter(server: Prometheus) -> None:
    every_target_is_scraped(server, TARGETS)


@pytest.mark.parametrize("app", SERVERS)
def test_prometheus_reaches_metrics_alone(stack: Stack, server: Prometheus, app: str) -> None:
    assert server
    port, metrics = SERVERS[app]
    for pod in stack.ready(app):
        address = pod["status"]["podIP"]
        assert reaches(stack.kubectl, address, metrics)
        assert not reaches(stack.kubectl, address, port)


def test_every_panel_returns_data(node: Node, stack: Stack, server: Prometheus, client: str, token: str) -> None:
    """While users chat, and after a backup."""
    models = dashboards(stack)
    assert models.keys() == {"open-webui", "redis", "postgresql", "pooler"}
    with observed(stack, client, token) as seen:
        began = time.time()
        assert "The restored copy was identical." in node.backup("run")
        every_panel_returns_data(server, models, PANELS_WITHOUT_DATA)
        pass_time()
        for name, model in models.items():
            record(server, name, model, began)
    assert seen.chats > 0
    assert seen.failures == []
    names = {pod["metadata"]["name"] for pod in stack.ready("open-webui")}
    pushed = server.query('count by (instance) (http_server_requests_total{job="rag-system/open-webui"})')
    assert {each["metric"]["instance"] for each in pushed} == names


def test_every_alert_has_its_metrics(stack: Stack, server: Prometheus) -> None:
    every_alert_has_its_metrics(server, stack, SELECTORS_WITHOUT_SERIES)


def test_no_alert_is_active(stack: Stack, server: Prometheus) -> None:
    no_alert_is_active(server, stack)
