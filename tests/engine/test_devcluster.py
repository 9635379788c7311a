"""The cluster of simulated nodes: what it offers, and that it comes back from every state it can be left in."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config

from devcluster.clusters import control_plane, kwok, simulation
from devcluster.clusters.choice import Cluster
from host.directories import clusters_directory
from host.processes import is_alive, running_from
from host.waiting import attempts

NAMESPACE = "local-cluster"


@pytest.fixture(scope="module")
def core(cluster: Cluster) -> Iterator[Any]:
    """The API of the test run's cluster, with a namespace for this module."""
    api: Any = client.CoreV1Api(config.new_client_from_config(str(cluster.kubeconfig), context=cluster.context))
    api.create_namespace({"metadata": {"name": NAMESPACE}})
    yield api
    api.delete_namespace(NAMESPACE)


def eventually(holds: Callable[[], bool], seconds: float = 90) -> bool:
    return any(holds() for _ in attempts(seconds=seconds, every=0.2))


def test_nodes_are_ready_in_three_zones(core: Any) -> None:
    def ready() -> list[str]:
        return [
            node.metadata.labels["topology.kubernetes.io/zone"]
            for node in core.list_node().items
            for condition in node.status.conditions or []
            if condition.type == "Ready" and condition.status == "True"
        ]

    assert eventually(lambda: sorted(ready()) == ["zone-a", "zone-b", "zone-c"])


def test_a_claim_is_bound_and_its_volume_made_up_for(core: Any, cluster: Cluster) -> None:
    claim = {
        "metadata": {"name": "claim"},
        "spec": {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "5Gi"}}},
    }
    core.create_namespaced_persistent_volume_claim(NAMESPACE, claim)

    def phase() -> str:
        return str(core.read_namespaced_persistent_volume_claim("claim", NAMESPACE).status.phase)

    assert eventually(lambda: phase() == "Bound")
    assert cluster.kubeconfig
    simulation.prepare(cluster.kubeconfig, cluster.context)
    free = [volume for volume in core.list_persistent_volume().items if not volume.spec.claim_ref]
    assert len(free) >= simulation.FREE_VOLUMES


def test_a_pod_gets_ready(core: Any) -> None:
    pod = {"metadata": {"name": "pod"}, "spec": {"containers": [{"name": "main", "image": "simulated"}]}}
    # The account is made by a controller, a moment after the namespace.
    assert eventually(lambda: bool(core.list_namespaced_service_account(NAMESPACE).items))
    core.create_namespaced_pod(NAMESPACE, pod)

    def ready() -> bool:
        conditions = core.read_namespaced_pod("pod", NAMESPACE).status.conditions or []
        return any(condition.type == "Ready" and condition.status == "True" for condition in conditions)

    assert eventually(ready)


def test_a_pod_is_available_without_the_wait_of_min_ready_seconds(core: Any) -> None:
    apps: Any = client.AppsV1Api(core.api_client)
    template = {
        "metadata": {"labels": {"app": "patient"}},
        "spec": {"containers": [{"name": "main", "image": "simulated"}]},
    }
    spec = {
        "minReadySeconds": 300,
        "progressDeadlineSeconds": 600,
        "selector": {"matchLabels": {"app": "patient"}},
        "template": template,
    }
    apps.create_namespaced_deployment(NAMESPACE, {"metadata": {"name": "patient"}, "spec": spec})
    assert eventually(lambda: apps.read_namespaced_deployment("patient", NAMESPACE).status.available_replicas == 1)


def test_the_pod_of_a_job_completes(core: Any) -> None:
    batch: Any = client.BatchV1Api(core.api_client)
    pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "simulated"}]}
    batch.create_namespaced_job(NAMESPACE, {"metadata": {"name": "job"}, "spec": {"template": {"spec": pod}}})
    assert eventually(lambda: batch.read_namespaced_job("job", NAMESPACE).status.succeeded == 1)


@pytest.fixture
def own_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cluster: Cluster) -> Iterator[Cluster]:
    """A cluster to be broken, beside the one of the test run, and with a kubeconfig of the user's to leave alone."""
    user = tmp_path / "user-kubeconfig"
    user.write_text("apiVersion: v1\nkind: Config\ncurrent-context: production\n")
    before = user.read_text()
    monkeypatch.setenv("KUBECONFIG", str(user))
    name = f"{cluster.name}-second"
    try:
        yield kwok.up(name, tmp_path / "kubeconfig")[0]
    finally:
        control_plane.delete(name)
    assert user.read_text() == before


def processes(cluster: Cluster) -> dict[str, int]:
    """Process of each component."""
    directory = clusters_directory() / "clusters" / cluster.name / "bin"
    return {name: process for process, name in running_from(directory).items()}


def up_again(cluster: Cluster) -> bool:
    """Start the cluster again. Returns whether it was created again."""
    assert cluster.kubeconfig
    return kwok.up(cluster.name, cluster.kubeconfig)[1]


def mark(cluster: Cluster) -> Callable[[], bool]:
    """Leave something in the cluster; the function tells whether it is still there."""
    api: Any = client.CoreV1Api(config.new_client_from_config(str(cluster.kubeconfig), context=cluster.context))
    api.create_namespace({"metadata": {"name": "mark"}})
    return lambda: any(namespace.metadata.name == "mark" for namespace in api.list_namespace().items)


def test_a_cluster_comes_back(own_cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    still_there = mark(own_cluster)
    before = processes(own_cluster)
    assert set(before) == kwok.PLANE.components
    assert not up_again(own_cluster)
    assert processes(own_cluster) == before, "nothing is started again that runs"

    # One component gone, its number taken by a process that has nothing to do with it.
    os.kill(before["kube-controller-manager"], signal.SIGKILL)
    assert eventually(lambda: not is_alive(before["kube-controller-manager"]))
    directory = clusters_directory() / "clusters" / own_cluster.name
    (directory / "pids" / "kube-controller-manager.pid").write_text(str(os.getpid()))
    assert not control_plane.is_running(own_cluster, kwok.PLANE)
    assert not up_again(own_cluster)
    after = processes(own_cluster)
    assert set(after) == kwok.PLANE.components
    assert after["etcd"] == before["etcd"]
    assert still_there()

    # All gone, as after a restart of the machine.
    for process in after.values():
        os.kill(process, signal.SIGKILL)
    assert eventually(lambda: not processes(own_cluster))
    assert not up_again(own_cluster)
    assert still_there()

    # Its kubeconfig is removed while it runs.
    assert own_cluster.kubeconfig
    own_cluster.kubeconfig.unlink()
    assert not up_again(own_cluster)
    assert still_there()

    # A start that was cut short: processes, but not what kwokctl knows the cluster by.
    orphans = processes(own_cluster)
    os.kill(orphans["kube-apiserver"], signal.SIGKILL)
    (directory / "kwok.yaml").unlink()
    capsys.readouterr()
    assert up_again(own_cluster)
    assert "creating it again, its objects are lost" in capsys.readouterr().err
    assert control_plane.is_running(own_cluster, kwok.PLANE)
    assert not any(map(is_alive, orphans.values()))

    # A creation that was cut short before the first start, for which kwokctl would wait without an end.
    for process in processes(own_cluster).values():
        os.kill(process, signal.SIGKILL)
    assert eventually(lambda: not processes(own_cluster))
    (directory / "bin" / "kube-scheduler").unlink()
    assert up_again(own_cluster)
    assert set(processes(own_cluster)) == kwok.PLANE.components


def test_delete_leaves_nothing(own_cluster: Cluster) -> None:
    running = processes(own_cluster)
    assert set(running) == kwok.PLANE.components
    control_plane.delete(own_cluster.name)
    assert not any(map(is_alive, running.values()))
    assert own_cluster.name not in control_plane.names()
    control_plane.delete(own_cluster.name)
