"""Names, ownership, configuration and refusals of the kubernetes emulator."""

from pathlib import Path
from typing import Any

import pytest

from emulators import manifests
from emulators.field_managers import created_here, takeover, without_ignored
from emulators.kubernetes_configuration import Configuration, KubeconfigError, configuration_changes, unserved_options
from emulators.property_values import UNKNOWN

KUBECONFIG = """
current-context: one
contexts:
- {name: one, context: {cluster: first, namespace: apps}}
- {name: two, context: {cluster: second}}
clusters:
- {name: first, cluster: {server: "https://one.example.com"}}
- {name: second, cluster: {server: "https://two.example.com"}}
"""


@pytest.mark.parametrize(
    ("token", "manifest", "refused"),
    [
        ("kubernetes:core/v1:Pod", {"apiVersion": "v1", "kind": "Pod"}, "kubernetes:core/v1:Pod"),
        (
            "kubernetes:apps/v1:DaemonSet",
            {"apiVersion": "apps/v1", "kind": "DaemonSet"},
            "kubernetes:apps/v1:DaemonSet",
        ),
        ("kubernetes:core/v1:ConfigMapPatch", {"kind": "ConfigMap"}, "kubernetes:core/v1:ConfigMapPatch"),
        (
            "kubernetes:core/v1:ConfigMapList",
            {"kind": "ConfigMapList", "items": []},
            "kubernetes:core/v1:ConfigMapList",
        ),
        ("kubernetes:helm.sh/v3:Release", {}, "kubernetes:helm.sh/v3:Release"),
        ("kubernetes:core/v1:ConfigMap", {"metadata": {"generateName": "a-"}}, "metadata.generateName"),
        (
            "kubernetes:core/v1:ConfigMap",
            {"apiVersion": "v1", "metadata": {"annotations": {"pulumi.com/waitFor": "condition=Ready"}}},
            "pulumi.com/waitFor",
        ),
        (
            "kubernetes:example.com/v1:Database",
            {
                "apiVersion": "example.com/v1",
                "metadata": {"annotations": {"pulumi.com/waitFor": "jsonpath={.status.applied}=true"}},
            },
            "pulumi.com/waitFor",
        ),
    ],
)
def test_what_is_not_served_is_named(token: str, manifest: dict[str, Any], refused: str) -> None:
    actual = manifests.unserved(token, manifest)
    assert actual
    assert actual[1] == refused


def test_everything_else_is_served() -> None:
    manifest = {"apiVersion": "example.com/v1", "kind": "AllowList", "metadata": UNKNOWN}
    assert manifests.unserved("kubernetes:example.com/v1:AllowList", manifest) is None
    waits = {**manifest, "metadata": {"annotations": {"pulumi.com/waitFor": "condition=Ready"}}}
    assert manifests.unserved("kubernetes:example.com/v1:AllowList", waits) is None


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("kubernetes:core/v1:Secret", ("v1", "Secret")),
        ("kubernetes:apps/v1:Deployment", ("apps/v1", "Deployment")),
        ("kubernetes:networking.k8s.io/v1:Ingress", ("networking.k8s.io/v1", "Ingress")),
    ],
)
def test_kind_of_type(token: str, expected: tuple[str, str]) -> None:
    assert manifests.kind_of_type(token) == expected


@pytest.mark.parametrize(
    ("api_version", "kind", "scoped"),
    [
        ("v1", "Namespace", True),
        ("rbac.authorization.k8s.io/v1", "ClusterRole", True),
        ("v1", "Secret", False),
        ("networking.k8s.io/v1", "Ingress", False),
        ("monitoring.coreos.com/v1", "ServiceMonitor", None),
    ],
)
def test_what_is_outside_namespaces(api_version: str, kind: str, scoped: bool | None) -> None:
    assert manifests.cluster_scoped({"apiVersion": api_version, "kind": kind}) is scoped


def test_names_are_given_kept_and_left_alone() -> None:
    named: dict[str, Any] = {"metadata": {"name": "mine"}}
    manifests.adopt_name(named, {}, lambda: "new")
    assert named == {"metadata": {"name": "mine"}}

    first: dict[str, Any] = {}
    manifests.adopt_name(first, {}, lambda: "app-1234")
    assert first["metadata"] == {"name": "app-1234", "annotations": {manifests.AUTONAMED: "true"}}

    second: dict[str, Any] = {"metadata": {"annotations": {"a": "b"}}}
    manifests.adopt_name(second, first, lambda: "other")
    assert second["metadata"]["name"] == "app-1234"


def test_only_chosen_names_are_deleted_first() -> None:
    live = {"metadata": {"name": "a", "namespace": "n"}}
    autonamed = {"name": "a", "namespace": "n", "annotations": {manifests.AUTONAMED: "true"}}
    assert manifests.delete_before_replace({"metadata": {"name": "a", "namespace": "n"}}, live)
    assert not manifests.delete_before_replace({"metadata": {"name": "b", "namespace": "n"}}, live)
    assert not manifests.delete_before_replace({"metadata": {"name": "a", "namespace": "m"}}, live)
    assert not manifests.delete_before_replace({"metadata": autonamed}, live)


def test_an_omitted_namespace_is_the_default_one() -> None:
    old: dict[str, Any] = {"metadata": {"name": "a", "namespace": "default"}}
    new: dict[str, Any] = {"metadata": {"name": "a"}}
    manifests.in_one_place(old, new, {"metadata": {"name": "a", "namespace": "default"}})
    assert old == new
    manifests.in_one_place(old, new, {"metadata": {"name": "a"}})
    assert new == {"metadata": {"name": "a"}}


def test_imported_inputs_are_what_a_user_would_write() -> None:
    live = {
        "apiVersion": "apps/v1",
        "metadata": {"name": "a", "uid": "1", "annotations": {"deployment.kubernetes.io/revision": "3", "b": "c"}},
        "spec": {"replicas": 1},
        "status": {"replicas": 1},
    }
    assert manifests.imported_inputs(live) == {
        "apiVersion": "apps/v1",
        "metadata": {"name": "a", "annotations": {"b": "c"}},
        "spec": {"replicas": 1},
    }


@pytest.mark.parametrize(
    ("path", "ignored", "expected"),
    [
        ("spec.replicas", ["spec.replicas"], True),
        ("spec.replicas", ["spec"], True),
        ("spec.ports[0].port", ["spec.ports"], True),
        ("spec.replicasets", ["spec.replicas"], False),
    ],
)
def test_is_ignored(path: str, ignored: list[str], expected: bool) -> None:
    assert manifests.is_ignored(path, ignored) is expected


def entry(manager: str, operation: str, *fields: str, **more: str) -> dict[str, Any]:
    spec: dict[str, Any] = {f"f:{field}": {} for field in fields}
    return {"manager": manager, "operation": operation, "fieldsV1": {"f:spec": spec}, **more}


def live_object(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"managedFields": list(entries), "resourceVersion": "7"}, "spec": {"replicas": 5, "image": "i"}}


def test_creation_and_kubectl_are_taken_over() -> None:
    scaled = entry("kubectl", "Update", "replicas", subresource="scale")
    controller = entry("kube-controller-manager", "Update", "status")
    created, edited = entry("pulumi-kubernetes", "Update", "image"), entry("kubectl-edit", "Update", "paused")
    operations = takeover(live_object(created, scaled, controller, edited), "pulumi-kubernetes-1234")
    assert [operation["path"] for operation in operations] == ["/metadata/managedFields", "/metadata/resourceVersion"]
    *rest, own = operations[0]["value"]
    assert rest == [scaled, controller]
    assert (own["manager"], own["operation"]) == ("pulumi-kubernetes-1234", "Apply")
    assert own["fieldsV1"] == {"f:spec": {"f:image": {}, "f:paused": {}}}


def test_nothing_is_taken_over_twice() -> None:
    applied = live_object(entry("pulumi-kubernetes-1234", "Apply", "image"))
    assert takeover(applied, "pulumi-kubernetes-1234") == []
    assert not created_here(applied)


def test_ignored_fields_of_others_are_left_out_and_own_ones_kept() -> None:
    manifest = {"spec": {"replicas": 2, "image": "new"}}
    foreign = live_object(entry("autoscaler", "Update", "replicas"), entry("mine", "Apply", "image"))
    assert without_ignored(manifest, foreign, "mine", ["spec.replicas"]) == {"spec": {"image": "new"}}
    own = live_object(entry("mine", "Apply", "replicas", "image"))
    assert without_ignored(manifest, own, "mine", ["spec.replicas"]) == {"spec": {"replicas": 5, "image": "new"}}


@pytest.mark.parametrize(
    ("options", "refused"),
    [
        ({"kubeconfig": "x", "context": "y", "enableSecretMutable": "true", "version": "4.34.2"}, []),
        ({"upsertExistingObjects": "true"}, ["upsertExistingObjects"]),
        ({"upsertExistingObjects": "false", "renderYamlToDirectory": ""}, []),
        ({"renderYamlToDirectory": "out", "cluster": "c"}, ["cluster", "renderYamlToDirectory"]),
        ({"enableServerSideApply": "false"}, ["enableServerSideApply"]),
    ],
)
def test_options_that_would_be_ignored_are_refused(options: dict[str, Any], refused: list[str]) -> None:
    assert unserved_options(options) == refused


@pytest.mark.parametrize("as_file", [True, False])
def test_kubeconfig_as_path_and_as_contents(tmp_path: Path, as_file: bool) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(KUBECONFIG)
    configured = str(path) if as_file else KUBECONFIG
    assert Configuration({"kubeconfig": configured}).namespace == "apps"
    assert Configuration({"kubeconfig": configured, "context": "two"}).namespace == "default"
    assert Configuration({"kubeconfig": configured, "namespace": "mine"}).namespace == "mine"
    assert Configuration({"kubeconfig": configured, "context": "two"}).active_cluster == {
        "server": "https://two.example.com"
    }


@pytest.mark.parametrize(
    ("old", "new", "replaces"),
    [
        ({"context": "one"}, {"context": "two"}, ["context"]),
        ({"context": "one", "clusterIdentifier": "a"}, {"context": "two", "clusterIdentifier": "a"}, []),
        (
            {"context": "one", "clusterIdentifier": "a"},
            {"context": "one", "clusterIdentifier": "b"},
            ["clusterIdentifier"],
        ),
        ({"context": "one"}, {"context": "one", "clusterIdentifier": "b"}, []),
        ({"context": "one"}, {"context": UNKNOWN}, ["context"]),
        ({}, {"context": "one"}, []),
    ],
)
def test_another_cluster_replaces_everything(old: dict[str, Any], new: dict[str, Any], replaces: list[str]) -> None:
    old, new = {"kubeconfig": KUBECONFIG, **old}, {"kubeconfig": KUBECONFIG, **new}
    changed, replacing = configuration_changes(old, new)
    assert replacing == replaces
    assert changed == sorted(key for key in {*old, *new} if old.get(key) != new.get(key))


def test_a_list_of_paths_is_not_a_kubeconfig_option(tmp_path: Path) -> None:
    """The option is a path or the contents; only the environment variable is a list."""
    path = tmp_path / "kubeconfig"
    path.write_text(KUBECONFIG)
    for configured in (f"{path}:{path}", str(tmp_path / "of-another-machine")):
        with pytest.raises(KubeconfigError, match="json parse error: json: cannot unmarshal string into Go value"):
            Configuration({"kubeconfig": configured}).client(1)
        assert Configuration({"kubeconfig": configured}).namespace == "default"


@pytest.mark.parametrize("options", [{}, {"kubeconfig": ""}])
def test_without_the_option_the_kubeconfig_is_the_processs_own(
    options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text("clusters: [{name: second, cluster: {server: https://first.example.com}}]")
    second.write_text(KUBECONFIG)
    monkeypatch.setenv("KUBECONFIG", f"{first}:{tmp_path / 'missing'}:{second}")
    configuration = Configuration(options)
    assert configuration.namespace == "apps"
    client = Configuration({**options, "context": "two"}).client(1)
    assert client.configuration.host == "https://first.example.com", "of what both have, the first one's"
    assert configuration.active_cluster == {}, "what DiffConfig compares is the option alone"
    monkeypatch.delenv("KUBECONFIG")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "config").write_text(KUBECONFIG)
    assert Configuration(options).namespace == "apps"


def test_another_kubeconfig_is_an_update_and_a_path_of_another_machine_an_error(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(KUBECONFIG)
    stack = {"context": "one", "clusterIdentifier": "a"}
    deployed = {**stack, "kubeconfig": str(path)}
    assert configuration_changes(deployed, {**stack, "kubeconfig": ""}) == (["kubeconfig"], [])
    assert configuration_changes(deployed, stack) == (["kubeconfig"], [])
    assert configuration_changes(stack, {**stack, "kubeconfig": ""}) == (["kubeconfig"], [])
    path.unlink()
    assert configuration_changes(deployed, deployed) == ([], [])
    with pytest.raises(KubeconfigError):
        configuration_changes(deployed, {**stack, "kubeconfig": ""})
