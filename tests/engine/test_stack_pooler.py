"""PgBouncer of the stack on a real API server: in front of the stack's server and of an external one."""

from collections.abc import Iterator

import pytest

from devcluster.toolchain.go_programs import kubectl
from stackctl.deployed.kubectl import Kubectl
from stackctl.deployed.stack import Stack as DeployedStack
from stackctl.verify import parts
from tests.support.engine.secrets import secret_values, seen_in
from tests.support.engine.stack import PREFLIGHT_AGAIN, Namespace, Stack, StackFactory

pytest_plugins = ("tests.support.engine.stack_fixtures",)

ON = (
    "redis.maxmemory=64mb",
    "postgresql.pooler.enabled=true",
    "postgresql.maxConnections=1200",
    "openWebui.replicas=2",
    "openWebui.uploads.acceptLoss=true",
    "monitoring.enabled=true",
)
OWN = ("postgresql.resources.limits.memory=8Gi",)
EXTERNAL = ("postgresql.topology=external", "postgresql.external.hosts=10.20.0.7")
PASSWORD = "of-the/other+team"
URL = f"postgresql://team_chat:{PASSWORD.replace('/', '%2F')}@10.20.0.7:5432/chats"


@pytest.fixture(scope="module", params=["pooled-standalone", "pooled-external"])
def stack(request: pytest.FixtureRequest, new_stack: StackFactory) -> Iterator[Stack]:
    name = str(request.param)
    external = name.endswith("external")
    sets, secrets = (EXTERNAL, {"databaseUrl": URL}) if external else (OWN, {})
    made = new_stack("dev", f"namespace={name}", *ON, *sets, secrets=secrets)
    made.up()
    yield made
    made.destroy()


@pytest.fixture
def live(stack: Stack) -> Iterator[Namespace]:
    """Its namespace. What the commands have shown is searched for secrets afterwards."""
    [name] = [each.partition("=")[2] for each in stack.sets if each.startswith("namespace=")]
    live = Namespace(stack.cluster, name)
    secrets = secret_values(live)
    yield live
    assert seen_in("\n".join(stack.transcript), secrets | secret_values(live) | {PASSWORD}) == []


def test_its_pods_are_admitted_and_nothing_changes_without_a_change(stack: Stack, live: Namespace) -> None:
    assert live.refusals() == []
    pods = live.pods("postgres-pooler")
    assert [{each.name for each in pod.spec.containers} for pod in pods] == [{"postgres-pooler", "exporter"}] * 2
    secret = live.secret("postgresql-secret")
    assert "@postgres-pooler:5432/" in secret["client-url"]
    assert "@postgres-pooler:5432/" not in secret["database-url"]
    assert set(live.secret("postgres-pooler")) == {"userlist.txt", "server.ini"}
    assert stack.preview(refresh=True).changes == set()


def test_verify_knows_its_pods(stack: Stack, live: Namespace) -> None:
    cluster = stack.cluster
    deployed = DeployedStack(
        Kubectl(program=str(kubectl()), namespace=live.name, kubeconfig=cluster.kubeconfig, context=cluster.context)
    )
    assert "postgres-pooler 2" in parts.pods_are_ready(deployed)
    assert "postgres-pooler 2" in parts.services_lead_to_pods(deployed)


def test_a_rotation_rolls_it_and_then_the_web_pods(stack: Stack, live: Namespace) -> None:
    before = live.secret("postgres-pooler")
    run = stack.up("rotate.postgresql=2")
    of_server = {
        "create RandomPassword postgresql-password-2",
        "create RandomPassword postgresql-backup-password-2",
        "update Secret postgres-roles",
    }
    assert run.changes == {
        "create RandomPassword postgresql-client-password-2",
        "update Secret postgresql-secret",
        "update Secret postgres-pooler",
        "update Deployment postgres-pooler",
        "update Deployment open-webui",
        *PREFLIGHT_AGAIN,
        *(of_server if "postgres-roles" in live.secrets() else set()),
    }
    after = live.secret("postgres-pooler")
    users = after["userlist.txt"].splitlines()
    assert set(before["userlist.txt"].splitlines()) < set(users), "the login of the pods that still serve"
    assert len(users) == 3, "both roles of the web pods, and the exporter"
    assert after["server.ini"] == before["server.ini"]
    assert live.refusals() == []
