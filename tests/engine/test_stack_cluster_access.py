"""Credentials that are not those of the environment, and a namespace, nodes and pods that are the cluster owner's."""

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client, config

from devcluster.clusters.choice import Cluster
from stack_config import cluster_access
from tests.support.engine.stack import Namespace, Stack, StackFactory

pytest_plugins = ("tests.support.engine.stack_fixtures",)

NAMESPACE = "fitted"
NODE = "node-b"
FIT = (
    "createNamespace=false",
    "cluster.mode=kubeconfig",
    "pods.nodeSelector.pool=ai",
    "pods.tolerations[0].key=pool",
    "pods.tolerations[0].operator=Equal",
    "pods.tolerations[0].value=ai",
    "pods.tolerations[0].effect=NoSchedule",
    "pods.imagePullSecrets[0]=registry",
    "pods.labels.team=platform",
    "pods.fixedUid=false",
    "pods.caBundle.configMap=private-ca",
    "pods.proxy.httpsProxy=http://10.20.0.1:3128",
)


def portable_kubeconfig(cluster: Cluster) -> str:
    """The kubeconfig of the cluster with the contents of its files, as `kubectl config view --flatten` writes it."""
    loaded: dict[str, Any] = yaml.safe_load(Path(str(cluster.kubeconfig)).read_text())
    entries = [each["cluster"] for each in loaded["clusters"]] + [each["user"] for each in loaded["users"]]
    for entry in entries:
        for name in ("certificate-authority", "client-certificate", "client-key"):
            if name in entry:
                contents = Path(entry.pop(name)).read_bytes()
                entry[f"{name}-data"] = base64.b64encode(contents).decode()
    return json.dumps(loaded)


@pytest.fixture(scope="module")
def live(cluster: Cluster, new_stack: StackFactory) -> Iterator[Namespace]:
    """A namespace of the cluster's owner, and a node for pods that tolerate its taint."""
    new_stack("dev")  # creates the simulated nodes
    namespace = Namespace(cluster, NAMESPACE)
    core = namespace.core
    core.create_namespace({"metadata": {"name": NAMESPACE, "labels": {"owner": "platform"}}})
    core.create_namespaced_config_map(NAMESPACE, {"metadata": {"name": "private-ca"}, "data": {"ca.crt": "x"}})
    taint = {"key": "pool", "value": "ai", "effect": "NoSchedule"}
    core.patch_node(NODE, {"metadata": {"labels": {"pool": "ai"}}, "spec": {"taints": [taint]}})
    yield namespace
    core.patch_node(NODE, {"metadata": {"labels": {"pool": None}}, "spec": {"taints": None}})
    core.delete_namespace(NAMESPACE)


@pytest.fixture(scope="module")
def fitted(
    live: Namespace, cluster: Cluster, new_stack: StackFactory, tmp_path_factory: pytest.TempPathFactory
) -> Stack:
    """A stack with a kubeconfig of the config: the environment has none."""
    stack = new_stack("dev", f"namespace={live.name}", *FIT, secrets={"kubeconfig": portable_kubeconfig(cluster)})
    home = tmp_path_factory.mktemp("home")
    stack.use_kubeconfig(str(home / "missing"), HOME=str(home))
    stack.up()
    return stack


def test_every_pod_is_admitted_and_runs_on_the_node_that_the_settings_select(fitted: Stack, live: Namespace) -> None:
    pods = live.pods()
    assert {pod.metadata.labels["app"] for pod in pods} == {"open-webui", "postgres", "redis", "tika"}
    assert {pod.spec.node_name for pod in pods} == {NODE}
    assert live.refusals() == []
    for pod in pods:
        assert pod.metadata.labels["team"] == "platform"
        assert [each.name for each in pod.spec.image_pull_secrets] == ["registry"]
        assert (pod.spec.security_context.run_as_user, pod.spec.security_context.fs_group) == (None, None)
    assert fitted.preview(refresh=True).changes == set()


def test_the_kubeconfig_is_encrypted_in_the_state(fitted: Stack, cluster: Cluster) -> None:
    state = json.dumps(fitted.state())
    loaded = json.loads(portable_kubeconfig(cluster))
    for secret in loaded["users"][0]["user"].values():
        assert str(secret) not in state
    assert fitted.resources()["kubernetes cluster"]["inputs"]["kubeconfig"] != portable_kubeconfig(cluster)


def test_the_namespace_is_unchanged_and_survives_the_stack(fitted: Stack, live: Namespace) -> None:
    labels = live.core.read_namespace(NAMESPACE).metadata.labels
    assert labels == {"kubernetes.io/metadata.name": NAMESPACE, "owner": "platform"}
    assert live.core.list_namespaced_resource_quota(NAMESPACE).items == []
    fitted.destroy()
    assert live.exists()
    assert live.core.read_namespaced_config_map("private-ca", NAMESPACE).data == {"ca.crt": "x"}
    assert live.apps.list_namespaced_deployment(NAMESPACE).items == []


def test_a_namespace_that_does_not_exist_is_refused(new_stack: StackFactory, cluster: Cluster) -> None:
    refused = new_stack("dev", "namespace=nowhere", "createNamespace=false").preview(fails=True)
    assert f"context {cluster.context} has no namespace nowhere" in refused.error


def test_a_stack_hands_its_namespace_over(new_stack: StackFactory, cluster: Cluster) -> None:
    """As docs/operations/existing-namespace.md says."""
    stack = new_stack("dev", "namespace=handed-over", "protect=true")
    handed_over = Namespace(cluster, "handed-over")
    stack.up()
    before = handed_over.core.read_namespace("handed-over").metadata.uid
    assert "protected" in stack.preview("createNamespace=false", fails=True).error
    [urn] = [each["urn"] for each in stack.state()["resources"] if each["type"] == "kubernetes:core/v1:Namespace"]
    stack.pulumi("state", "unprotect", urn, "--yes")
    stack.keep("createNamespace=false")
    assert handed_over.core.read_namespace("handed-over").metadata.uid == before
    stack.keep("protect=false")
    stack.destroy()
    assert handed_over.apps.list_namespaced_deployment("handed-over").items == []
    handed_over.core.delete_namespace("handed-over")


def test_a_pod_deploys_with_its_service_account(
    new_stack: StackFactory, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files are where the test puts them: only a real pod has them at their path."""
    api = config.new_client_from_config(str(cluster.kubeconfig), context=cluster.context)
    # Untyped: plain objects are taken as well as models.
    core: Any = client.CoreV1Api(api)
    rbac: Any = client.RbacAuthorizationV1Api(api)
    core.create_namespaced_service_account("default", {"metadata": {"name": "pulumi"}})
    rbac.create_cluster_role_binding(
        {
            "metadata": {"name": "pulumi"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "name": "pulumi", "namespace": "default"}],
        }
    )
    request = {"spec": {"expirationSeconds": 3600, "audiences": []}}
    token: str = core.create_namespaced_service_account_token("pulumi", "default", request).status.token
    (tmp_path / "token").write_text(token)
    (tmp_path / "ca.crt").write_bytes(Path(str(api.configuration.ssl_ca_cert)).read_bytes())
    monkeypatch.setattr(cluster_access, "_SERVICE_ACCOUNT", tmp_path)
    monkeypatch.setattr(cluster_access, "_API_SERVER", api.configuration.host)

    stack = new_stack("dev", "namespace=from-a-pod", "cluster.mode=inCluster")
    stack.use_kubeconfig(os.devnull, HOME=str(tmp_path))
    try:
        stack.up()
        assert stack.preview(refresh=True).changes == set()
        assert token not in json.dumps(stack.state())
        assert Namespace(cluster, "from-a-pod").pods("open-webui")
    finally:
        stack.destroy()
        rbac.delete_cluster_role_binding("pulumi")
        core.delete_namespaced_service_account("pulumi", "default")
