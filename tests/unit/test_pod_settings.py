"""`pods`: one set of keys for every pod of the stack, which a component can override."""

from typing import Any

import pytest

from components.blocks.kubernetes_types import KubernetesType
from components.blocks.pod_settings import PodSettings
from stack_config.load import ConfigError
from tests.support.unit.effects import BACKUP
from tests.support.unit.pod_effects import template
from tests.support.unit.recording import Recording, run

EVERY_POD = {"redis", "redis-set-up", "postgres", "postgres-backup", "open-webui", "open-webui-preflight", "tika"}
CLUSTER = ("redis.topology=cluster", *BACKUP)


@pytest.fixture(scope="module")
def fitted() -> Recording:
    return run("dev", [*CLUSTER, "pods.nodeSelector.pool=ai", "pods.imagePullSecrets[0]=registry", "pods.labels.a=b"])


def test_it_reaches_every_pod_jobs_included(fitted: Recording) -> None:
    assert fitted.every_pod.keys() == EVERY_POD
    assert {name for name, spec in fitted.every_pod.items() if spec.get("nodeSelector") == {"pool": "ai"}} == EVERY_POD
    assert [spec["imagePullSecrets"] for spec in fitted.every_pod.values()] == [[{"name": "registry"}]] * len(EVERY_POD)


def test_a_pod_has_the_labels_of_the_stack_beside_its_own(fitted: Recording) -> None:
    labels = template(fitted, "Deployment", "open-webui")["metadata"]["labels"]
    assert (labels["a"], labels["app"], labels["app.kubernetes.io/version"]) == ("b", "open-webui", "0.12.4")
    selector = fitted.one("Deployment", "open-webui").inputs["spec"]["selector"]["matchLabels"]
    assert selector == {"app": "open-webui"}, "a selector is immutable"


def test_without_it_no_pod_has_a_field_of_it(dev: Recording) -> None:
    fields = {"nodeSelector", "tolerations", "affinity", "priorityClassName", "runtimeClassName", "hostAliases"}
    assert [name for name, spec in dev.every_pod.items() if fields & spec.keys() or "imagePullSecrets" in spec] == []


def test_maps_are_merged_and_other_values_replaced() -> None:
    common = PodSettings.model_validate(
        {"nodeSelector": {"a": "1", "b": "1"}, "imagePullSecrets": ["x", "y"], "fixedUid": False, "affinity": {}}
    )
    own = PodSettings.model_validate(
        {"nodeSelector": {"b": "2"}, "imagePullSecrets": ["z"], "affinity": {"nodeAffinity": {}}}
    )
    both = own.over(common)
    assert both.node_selector == {"a": "1", "b": "2"}
    assert both.image_pull_secrets == ["z"]
    assert both.affinity == {"nodeAffinity": {}}
    assert both.fixed_uid is False, "the component says nothing about it"
    assert PodSettings.model_validate({"fixedUid": True, "imagePullSecrets": []}).over(common).image_pull_secrets == []


def test_a_component_takes_a_value_of_the_stack_back() -> None:
    recording = run("dev", ["pods.fixedUid=false", "redis.pods.fixedUid=true"])
    users = {name: spec["securityContext"].get("runAsUser") for name, spec in recording.every_pod.items()}
    assert {name for name, user in users.items() if user is None} == users.keys() - {"redis"}
    assert users["redis"] == 10001


@pytest.mark.parametrize(
    ("sets", "key", "message"),
    [
        ("pods.labels.app=x", "pods.labels.app", "sets itself"),
        ('pods.labels["app.kubernetes.io/name"]=x', 'pods.labels["app.kubernetes.io/name"]', "sets itself"),
        ("pods.labels.team=a b", "pods.labels.team", "not a value of a label"),
        ("redis.pods.annotations.checksum/config=x", "redis.pods.annotations.checksum/config", "sets itself"),
        ("pods.annotations.url=http://a:b@c", "pods.annotations.url", "credentials"),
        ("pods.nodeSelector.a/b/c=x", "pods.nodeSelector", "not a key of a label"),
        ("pods.imagePullSecrets[0]=A_B", "pods.imagePullSecrets[0]", "not a name of a Kubernetes object"),
        ("pods.affinity.nodeAfinity.a=b", "pods.affinity", "nodeAfinity is not a field of Affinity"),
        ("pods.tolerations[0].tolerationSeconds=x", "pods.tolerations", "tolerationSeconds is not an integer"),
        ("pods.tolerations=all", "pods.tolerations", "it is not a list"),
        ("openWebui.pods.hostAliases[0].hostnames[0]=a", "openWebui.pods.hostAliases", "[0].ip is missing"),
    ],
)
def test_a_wrong_value_is_refused_with_its_key(sets: str, key: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        run("dev", [sets])
    assert key in str(refused.value)
    assert message in str(refused.value)
    assert "fix:" in str(refused.value)


def errors(name: str, value: Any, *, many: bool = False) -> list[str]:
    return list(KubernetesType(name=name, many=many).errors(value))


def test_objects_of_kubernetes_are_checked_to_their_last_field() -> None:
    term: dict[str, Any] = {"labelSelector": {"matchLabels": {"app": "x"}}, "topologyKey": "zone"}
    weighted: dict[str, Any] = {"podAffinityTerm": term}
    preferred = {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [weighted]}}
    where = "podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0]"
    assert errors("Affinity", preferred) == [f"{where}.weight is missing"]
    weighted["weight"] = 1
    assert errors("Affinity", preferred) == []
    term["labelSelector"] = {"matchLabels": {"app": 1}}
    assert errors("Affinity", preferred) == [
        f"{where}.podAffinityTerm.labelSelector.matchLabels.app is not a string",
    ]


def test_fields_have_the_names_and_types_of_the_api() -> None:
    probe = {"httpGet": {"path": "/", "port": "http", "httpHeaders": [{"name": "a", "value": "b"}]}}
    assert errors("Probe", probe) == []
    assert errors("Probe", {"http_get": {}}) == ["http_get is not a field of Probe"]
    assert errors("Probe", {"httpGet": {"port": 1.5}}) == ["httpGet.port is not an integer"]
    assert errors("Probe", {"periodSeconds": True}) == ["periodSeconds is not an integer"]
    assert errors("PodSpec", {"containers": [], "hostPID": False}) == []
    assert errors("Volume", [{"name": "a", "csi": {"driver": "d", "readOnly": True}}, {}], many=True) == [
        "[1].name is missing"
    ]
