"""`make adopt`: a deployment made with kubectl becomes the stack's, and the cluster does not notice."""

import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from kubernetes import client, config, utils

from devcluster.clusters.choice import Cluster
from stack_config.files import ROOT
from tests.support.engine.machine import Machine
from tests.support.servers.server_process import wait_until

NAMESPACE = "adopted"
CONFIG = ("--set", f"namespace={NAMESPACE}")
MANIFESTS = ROOT / "tests" / "e2e" / "source-design.yaml"
PASSWORD, KEY = "rag322wq", "k0123456789"
URL = f"postgresql://ragsystemuser:{PASSWORD}@postgres:5432/ragsystemdb"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, cluster: Cluster) -> Iterator[Machine]:
    machine = Machine(tmp_path_factory.mktemp("machine"))
    machine.environment |= {"KUBECONFIG": str(cluster.kubeconfig)}
    yield machine
    if machine.state("dev"):
        machine.stackctl("down")


@pytest.fixture(scope="module")
def api(cluster: Cluster) -> Any:
    return config.new_client_from_config(str(cluster.kubeconfig), context=cluster.context)


@pytest.fixture(scope="module")
def deployed(api: Any) -> None:
    """The source document's design, applied manually."""
    objects = list(yaml.safe_load_all(MANIFESTS.read_text().replace("rag-seed", NAMESPACE)))
    for item in objects:
        if item["metadata"]["name"] == "postgresql-secret":
            item["stringData"]["database-url"] = URL
        utils.create_from_dict(api, item)
    apps: Any = client.AppsV1Api(api)

    def ready() -> bool:
        deployments = apps.list_namespaced_deployment(NAMESPACE).items
        return len(deployments) == 3 and all(d.status.ready_replicas == d.spec.replicas for d in deployments)

    wait_until(ready, "the source design is ready", 60)


def adopt(machine: Machine, cluster: Cluster) -> Any:
    return machine.stackctl("adopt", "--cluster", cluster.context, *CONFIG)


def seen(api: Any) -> dict[str, str]:
    """Identity and version of every object. They change when the object is written or created again."""
    core: Any = client.CoreV1Api(api)
    apps: Any = client.AppsV1Api(api)
    items = [
        core.read_namespace(NAMESPACE),
        *core.list_namespaced_secret(NAMESPACE).items,
        *core.list_namespaced_service(NAMESPACE).items,
        *core.list_namespaced_pod(NAMESPACE).items,
        *apps.list_namespaced_deployment(NAMESPACE).items,
        *apps.list_namespaced_stateful_set(NAMESPACE).items,
    ]
    return {item.metadata.uid: item.metadata.resource_version for item in items}


def identities(api: Any) -> dict[str, str]:
    """Of what the stack has under the same kind and name."""
    core: Any = client.CoreV1Api(api)
    apps: Any = client.AppsV1Api(api)
    objects = [
        *(core.read_namespaced_secret(name, NAMESPACE) for name in ("postgresql-secret", "openwebui-secret")),
        *(core.read_namespaced_service(name, NAMESPACE) for name in ("redis-service", "postgres", "open-webui")),
        *(apps.read_namespaced_deployment(name, NAMESPACE) for name in ("redis", "open-webui")),
    ]
    return {f"{type(item).__name__} {item.metadata.name}": item.metadata.uid for item in objects}


@pytest.mark.usefixtures("deployed")
def test_a_database_that_would_be_left_behind_stops_it(machine: Machine, cluster: Cluster, api: Any) -> None:
    before = seen(api)
    refused = adopt(machine, cluster)
    assert refused.returncode == 1
    assert "nothing was adopted, and nothing was changed\nDeployment/postgres: " in refused.stderr
    assert "its data is in the pod itself, and is deleted with it" in refused.stderr
    assert "fix: move the data: docs/operations/adopt.md" in refused.stderr
    assert seen(api) == before
    assert machine.state("dev").get("resources", []) == []


@pytest.mark.usefixtures("deployed")
def test_what_is_there_is_taken_over_without_a_restart(machine: Machine, cluster: Cluster, api: Any) -> None:
    apps: Any = client.AppsV1Api(api)
    core: Any = client.CoreV1Api(api)
    apps.delete_namespaced_deployment("postgres", NAMESPACE)
    wait_until(lambda: len(core.list_namespaced_pod(NAMESPACE).items) == 3, "the old database is gone", 60)
    before = seen(api)
    done = adopt(machine, cluster)
    assert done.returncode == 0, done.stdout + done.stderr
    after = seen(api)
    changed = {identity for identity, version in before.items() if after[identity] != version}
    [redis] = [d for d in apps.list_namespaced_deployment(NAMESPACE).items if d.metadata.name == "redis"]
    assert set(after) == set(before)
    assert changed == {redis.metadata.uid}
    assert redis.spec.strategy.type == "Recreate"
    for name in ("Deployment/redis", "Deployment/open-webui", "Service/redis-service", "Secret/postgresql-secret"):
        assert f"adopted                {name}\n" in done.stdout
    assert "postgresql-password-1: the value in use" in done.stdout
    assert "update                 Deployment open-webui" in done.stdout
    assert "create                 StatefulSet postgres" in done.stdout
    assert "replace" not in done.stdout
    for text in (done.stdout, done.stderr, json.dumps(machine.state("dev"))):
        assert not any(secret in text for secret in (PASSWORD, KEY))


@pytest.mark.usefixtures("deployed")
def test_a_second_time_finds_nothing_more(machine: Machine, cluster: Cluster, api: Any) -> None:
    before = seen(api)
    done = adopt(machine, cluster)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing to adopt" in done.stdout
    assert seen(api) == before


@pytest.mark.usefixtures("deployed")
def test_the_next_update_keeps_the_objects_and_the_passwords(machine: Machine, cluster: Cluster, api: Any) -> None:
    before = identities(api)
    machine.succeed("up", "--cluster", cluster.context, *CONFIG)
    assert identities(api) == before
    outputs = json.loads(machine.succeed("outputs", "--secrets"))
    assert urlsplit(outputs["database_url"]).password == PASSWORD
    secret: Any = client.CoreV1Api(api)
    read = secret.read_namespaced_secret("openwebui-secret", NAMESPACE)
    assert base64.b64decode(read.data["secret-key"]).decode() == KEY
    # Its data was encrypted with that.
    assert base64.b64decode(read.data["oauth-session-token-encryption-key"]).decode() == KEY
    assert "no changes" in machine.succeed("up", "--cluster", cluster.context, *CONFIG)
