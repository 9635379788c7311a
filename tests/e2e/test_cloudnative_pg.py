"""A cluster of CloudNativePG: the application works on it, and loses nothing acknowledged when its primary is lost."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from components.postgresql.cloudnative_pg.names import METRICS_PORT
from components.postgresql.topologies.cloudnative_pg import CloudNativePG
from devcluster.node.images import store
from devcluster.node.images.definitions import cloudnative_pg as images
from stack_config.files import ROOT
from stackctl.deployed.stack import WEB, Stack, restarts
from stackctl.verify.load import load
from tests.support.e2e import cloudnative_pg, containers, faults
from tests.support.e2e.cluster_measurements import ClusterMeasurements
from tests.support.e2e.faults import SETTLING_SECONDS
from tests.support.e2e.load_summary import RATE, SOCKETS, summary
from tests.support.e2e.measurements import MEASUREMENTS_VARIABLE, write_again
from tests.support.e2e.node import Node
from tests.support.e2e.observation import observed
from tests.support.e2e.panel_data import pass_time, record, record_metrics
from tests.support.e2e.prometheus_pod import define, prometheus
from tests.support.e2e.watched_stack import (
    NOT_ON_THE_NODE,
    dashboards,
    every_alert_has_its_metrics,
    every_panel_returns_data,
    every_target_is_scraped,
    no_alert_is_active,
)

pytestmark = pytest.mark.fault

INSTANCES = 3
REPLICAS = 3
WRITTEN_MEANWHILE = "the object has been modified"
MOST_SECONDS = 120
"""From the loss of the primary to the end of the last request that failed."""

# The clients of PostgreSQL in the node's image for dumps have no TLS, which the cluster demands.
RECORD_OF_A_BACKUP = """
CREATE SCHEMA open_webui_stack;
CREATE TABLE open_webui_stack.backup (
  place text PRIMARY KEY, started_at timestamptz, succeeded_at timestamptz, failed_at timestamptz,
  name text, bytes bigint
);
GRANT USAGE ON SCHEMA open_webui_stack TO PUBLIC;
GRANT SELECT ON open_webui_stack.backup TO PUBLIC;
INSERT INTO open_webui_stack.backup VALUES ('volume', now(), now(), NULL, 'ragsystemdb.dump', 100000);
"""
"""The record of a dump, as components/backup/files/record.sh writes it."""

TARGETS = {"PodMonitor/rag-system/postgres/metrics": INSTANCES, "ServiceMonitor/rag-system/redis/metrics": 1}
PANELS_WITHOUT_DATA = {
    ("postgresql", "Age of the last failed run"): "no backup has failed",
    ("postgresql", "Age of the newest base backup"): "the Barman Cloud plugin does not run on the node",
}
"""Panels that return nothing on this healthy cluster; tests/servers/test_panels.py has their data."""


@pytest.fixture(scope="module")
def measured() -> Iterator[ClusterMeasurements]:
    """Measurements of this module, written to the document of the run if one is named."""
    measured = ClusterMeasurements()
    yield measured
    if file := os.environ.get(MEASUREMENTS_VARIABLE):
        measured.write()
        write_again(ROOT / file)
    print(f"\n{measured.table()}")


@pytest.fixture(scope="module")
def stack(node: Node, measured: ClusterMeasurements) -> Iterator[Stack]:
    """The stack on a node of its own, whose cluster has the operator; for the fixtures of all modules, too."""
    store.ensure(images())
    with node.own():
        # The operators' kinds have to be in the cluster before the stack.
        node.start()
        kubectl = node.stack().kubectl
        cloudnative_pg.install_operator(kubectl)
        define(kubectl)
        [api_server] = cloudnative_pg.api_server_targets(kubectl)
        node.sets.update(
            {
                "postgresql.topology": "cloudnative-pg",
                # The default, and the memory that the instance manager needs beside the server.
                "postgresql.resources.limits.memory": "2304Mi",
                "postgresql.resources.requests.cpu": "100m",
                "postgresql.cloudnativePg.apiServer[0]": api_server,
                "openWebui.replicas": str(REPLICAS),
                "monitoring.enabled": "true",
                "monitoring.operator": "true",
                "backup.enabled": "true",
            }
        )
        seconds = node.up()
        measured.add(f"{INSTANCES} instances and {REPLICAS} web pods, until all are ready", f"{seconds:.0f} s")
        yield node.stack()


def kill_container(stack: Stack) -> None:
    """The processes of the primary end at once: the server and its instance manager."""
    containers.send(cloudnative_pg.primary(stack), cloudnative_pg.CONTAINER, signal.SIGKILL)


def delete_pod(stack: Stack) -> None:
    """The pod of the primary is removed without a moment to end, as with its node."""
    name = cloudnative_pg.primary(stack)["metadata"]["name"]
    stack.kubectl.run("delete", "pod", name, "--grace-period=0", "--force")


def test_three_instances_replicate_and_verify_is_green(node: Node, stack: Stack, measured: ClusterMeasurements) -> None:
    cloudnative_pg.wait_until_healthy(stack, INSTANCES)
    node.verify()
    assert len(stack.ready(WEB)) == REPLICAS
    assert sum(map(restarts, stack.ready(WEB))) == 0
    name = cloudnative_pg.primary(stack)["metadata"]["name"]
    confirming = cloudnative_pg.sql(
        stack, name, "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'quorum' AND state = 'streaming'"
    )
    assert int(confirming) == INSTANCES - 1
    version = cloudnative_pg.sql(stack, name, "SELECT extversion FROM pg_extension WHERE extname = 'vector'")
    measured.add(
        "PostgreSQL, pgvector", f"{cloudnative_pg.sql(stack, name, 'SHOW server_version').split()[0]}, {version}"
    )


@pytest.mark.parametrize(
    ("what", "fault"),
    [
        ("all processes of the primary are killed", kill_container),
        ("the pod of the primary is deleted without a grace period", delete_pod),
    ],
    ids=["container", "pod"],
)
def test_nothing_acknowledged_is_lost_with_the_primary(
    stack: Stack,
    client: str,
    token: str,
    measured: ClusterMeasurements,
    what: str,
    fault: Callable[[Stack], None],
) -> None:
    before = cloudnative_pg.status(stack)["currentPrimary"]
    restored = partial(cloudnative_pg.wait_until_healthy, stack, INSTANCES)
    seen, began = faults.observed_fault(stack, client, token, fault, restored)
    promoted = cloudnative_pg.status(stack)["currentPrimary"] != before
    measured.add(what, f"{seen.summary(began)}; {'another primary' if promoted else 'the same primary'}")
    assert seen.chats > 0
    assert list(seen.lost) == []
    assert seen.seconds_without_answers(began) <= MOST_SECONDS


def test_no_request_fails_in_a_rotation_of_the_passwords_under_requests(
    node: Node, stack: Stack, client: str, token: str, measured: ClusterMeasurements
) -> None:
    node.sets["rotate.postgresql"] = "2"
    with load(stack, client, rate=RATE, sockets=SOCKETS, token=token) as outcome:
        # It is the first change of the `Cluster`, to whose status the operator writes at the same time.
        node.up_again_after(WRITTEN_MEANWHILE)
    measured.add("rotation of the passwords, 16 requests per second", summary(outcome))
    assert outcome.requests > RATE
    assert outcome.failures == []
    assert outcome.disconnected == 0


def test_no_request_fails_in_a_rotation_of_the_passwords_under_writes(
    node: Node, stack: Stack, client: str, token: str, measured: ClusterMeasurements
) -> None:
    node.sets["rotate.postgresql"] = "3"
    with observed(stack, client, token) as seen:
        time.sleep(SETTLING_SECONDS)
        began = time.time()
        node.up_again_after(WRITTEN_MEANWHILE)
        time.sleep(SETTLING_SECONDS)
    measured.add("rotation of the passwords, signed-in requests and new chats", seen.summary(began))
    assert seen.chats > 0
    assert seen.failures == []
    assert list(seen.lost) == []


def test_the_instance_manager_keeps_to_the_memory_that_is_left_to_it(
    stack: Stack, measured: ClusterMeasurements
) -> None:
    """After all of the above: it has started servers, copied and rewound data, and answered the operator."""
    managers = [cloudnative_pg.manager_memory(pod) for pod in cloudnative_pg.instances(stack)]
    own, most = max(each.anonymous for each in managers), max(each.most for each in managers)
    peaks = [containers.memory(pod, cloudnative_pg.CONTAINER) for pod in cloudnative_pg.instances(stack)]
    measured.add("memory of the instance manager: its own, with the program file", f"{own >> 20} MiB, {most >> 20} MiB")
    assert most >> 20 < CloudNativePG.other_programs
    peak, limit = max(peaks)
    measured.add("memory of an instance: most, limit", f"{peak >> 20} MiB, {limit >> 20} MiB")
    assert peak < limit


def test_every_panel_returns_data_and_no_alert_is_active(stack: Stack, client: str, token: str) -> None:
    """At the end, so that the measurements above are those of a cluster that Prometheus does not scrape."""
    cloudnative_pg.wait_until_healthy(stack, INSTANCES)
    with prometheus(stack) as server:
        every_target_is_scraped(server, TARGETS)
        models = {"postgresql": dashboards(stack)["postgresql"]}
        with observed(stack, client, token) as seen:
            began = time.time()
            cloudnative_pg.sql(stack, cloudnative_pg.primary(stack)["metadata"]["name"], RECORD_OF_A_BACKUP)
            every_panel_returns_data(server, models, PANELS_WITHOUT_DATA)
            pass_time()
            record(server, "cloudnative-pg", models["postgresql"], began)
        assert seen.failures == []
        for pod in cloudnative_pg.instances(stack):
            record_metrics(pod, METRICS_PORT)
        every_alert_has_its_metrics(server, stack, NOT_ON_THE_NODE)
        no_alert_is_active(server, stack)
