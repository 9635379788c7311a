"""An external PostgreSQL behind PgBouncer of the stack: everything works, and no request fails in a rotation."""

import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from components.postgresql.pooler.names import POOLER
from devcluster.node.images import store
from devcluster.node.images.definitions import pgbouncer
from host.waiting import attempts
from stackctl.deployed.kubectl import Kubectl
from stackctl.deployed.stack import WEB, Stack, is_ready
from stackctl.verify.client_pod import client_pod
from stackctl.verify.load import load
from tests.support.e2e.load_summary import RATE, summary
from tests.support.e2e.measurements import Measurements
from tests.support.e2e.node import Node

pytestmark = pytest.mark.fault

MANIFESTS = Path(__file__).with_name("external-postgresql.yaml")
READY_SECONDS = 120
INSTANCES = 2


@pytest.fixture(scope="module")
def pooled(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack on a node of its own, with PgBouncer before a database in another namespace."""
    store.ensure([pgbouncer()])
    password = secrets.token_urlsafe(24)
    url = tmp_path_factory.mktemp("secrets") / "database-url"
    url.write_text(f"postgresql://team_chat:{password}@postgres.databases.svc:5432/chats")
    with node.own():
        node.sets.update(
            {
                "postgresql.topology": "external",
                "postgresql.external.hosts": "postgres.databases.svc",
                "postgresql.pooler.enabled": "true",
                "postgresql.pooler.instances": str(INSTANCES),
                "openWebui.replicas": "2",
            }
        )
        node.secret_files["databaseUrl"] = str(url)
        node.start()
        deploy_database(node.stack().kubectl, password)
        node.up()
        yield node.stack()


def deploy_database(kubectl: Kubectl, password: str) -> None:
    """Deploy the database, and wait until it has its extension."""
    namespace, *objects = yaml.safe_load_all(MANIFESTS.read_text())
    kubectl.apply(namespace)
    own = replace(kubectl, namespace=namespace["metadata"]["name"])
    own.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "role"}, "stringData": {"password": password}}
    )
    for each in objects:
        own.apply(each)
    for _ in attempts(seconds=READY_SECONDS, every=1):
        if is_ready(own.get("pod", "postgresql")):
            return
    raise AssertionError(own.run("logs", "postgresql"))


def test_everything_that_verify_checks_works(node: Node, pooled: Stack) -> None:
    node.verify()
    assert len(pooled.ready(POOLER)) == INSTANCES
    assert len(pooled.ready(WEB)) == 2


def test_the_web_pods_connect_to_pgbouncer_alone(pooled: Stack) -> None:
    own = replace(pooled.kubectl, namespace="databases")
    question = "SELECT DISTINCT host(client_addr) FROM pg_stat_activity WHERE usename = 'team_chat'"
    words = ("psql", "-h", "/tmp", "-U", "postgres", "-qtAc", question)
    clients = set(own.run("exec", "postgresql", "--", *words).split())
    assert clients
    assert clients <= {pod["status"]["podIP"] for pod in pooled.ready(POOLER)}


def test_no_request_fails_in_a_rotation(node: Node, pooled: Stack, measurements: Measurements) -> None:
    with client_pod(pooled) as client:
        node.sets["rotate.postgresql"] = "2"
        with load(pooled, client, rate=RATE) as outcome:
            node.up()
    measurements.add("external PostgreSQL, PgBouncer: change of the database's passwords", summary(outcome))
    assert outcome.requests > RATE
    assert outcome.failures == []
    assert len(pooled.ready(POOLER)) == INSTANCES
