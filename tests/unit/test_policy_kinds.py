"""The policies look into every kind that makes pods, and at what is not known yet."""

from copy import deepcopy
from typing import Any

import pytest

from policy.rules import RULES
from policy.rules.objects import Unknown
from policy.rules.rule import Context, findings
from stack_config.files import read_stack
from stackctl.render.manifests import planned_objects

NETWORK = "network-policies-cover-pods"
KINDS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob", "Pod")


@pytest.fixture(scope="module")
def redis() -> dict[str, Any]:
    """A template of pods that keeps to every policy."""
    objects = planned_objects(read_stack("prod", ["kubeContext=any"]), "prod")
    [matching] = [item for item in objects if (item["kind"], item["metadata"]["name"]) == ("Deployment", "redis")]
    template: dict[str, Any] = matching["spec"]["template"]
    return template


@pytest.fixture
def template(redis: dict[str, Any]) -> dict[str, Any]:
    """One for a test of its own."""
    return deepcopy(redis)


def owner(kind: str, template: dict[str, Any]) -> dict[str, Any]:
    """The object of a kind with these pods."""
    metadata = {"name": "x", "namespace": "rag-system"}
    if kind == "Pod":
        return {"kind": kind, "metadata": {**metadata, **template["metadata"]}, "spec": template["spec"]}
    spec: dict[str, Any] = {"template": template}
    return {"kind": kind, "metadata": metadata, "spec": {"jobTemplate": {"spec": spec}} if kind == "CronJob" else spec}


def violated(*objects: dict[str, Any]) -> set[str]:
    return {finding.rule.name for finding in findings(RULES, list(objects), Context())}


def broken(template: dict[str, Any]) -> None:
    spec = template["spec"]
    del spec["securityContext"], spec["automountServiceAccountToken"]
    first = spec["containers"][0]
    first["image"] = "redis"
    del first["resources"]
    first["env"] = [{"name": "PGPASSWORD", "value": "x"}]


ALWAYS = {"pod-security-restricted", "no-service-account-token", "image-version", "resources-set", "no-plain-secrets"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_that_makes_pods(template: dict[str, Any], kind: str) -> None:
    assert violated(owner(kind, template)) == {NETWORK}
    broken(template)
    assert violated(owner(kind, template)) == {NETWORK} | ALWAYS


@pytest.mark.parametrize("sort", ["initContainers", "containers", "ephemeralContainers"])
def test_every_sort_of_container(template: dict[str, Any], sort: str) -> None:
    bad = {"name": "bad", "image": "x", "args": ["--password=x"], "ports": [{"containerPort": 1, "hostPort": 1}]}
    template["spec"].setdefault(sort, []).append(bad)
    probes = {"probes-set"} if sort == "containers" else set()
    expected = {NETWORK, *ALWAYS, *probes} - {"no-service-account-token"}
    assert violated(owner("StatefulSet", template)) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_what_runs_on_has_probes(template: dict[str, Any], kind: str) -> None:
    for probe in ("readinessProbe", "livenessProbe"):
        template["spec"]["containers"][0].pop(probe)
    ends = kind in ("Job", "CronJob")
    assert violated(owner(kind, template)) == ({NETWORK} if ends else {NETWORK, "probes-set"})
    if kind == "Pod":
        template["spec"]["restartPolicy"] = "Never"
        assert violated(owner(kind, template)) == {NETWORK}


@pytest.mark.parametrize(
    ("side", "name", "needed"),
    [
        ("requests", "cpu", True),
        ("requests", "memory", True),
        ("requests", "ephemeral-storage", True),
        ("limits", "cpu", False),
        ("limits", "memory", True),
        ("limits", "ephemeral-storage", True),
    ],
)
def test_every_resource_that_is_needed(template: dict[str, Any], side: str, name: str, needed: bool) -> None:
    template["spec"]["containers"][0]["resources"][side].pop(name)
    assert violated(owner("Deployment", template)) == ({NETWORK, "resources-set"} if needed else {NETWORK})


READY = {"httpGet": {"path": "/ready"}, "periodSeconds": 5, "failureThreshold": 2}


@pytest.mark.parametrize(
    ("alive", "restarts_too_soon"),
    [
        (READY, True),
        (READY | {"failureThreshold": 3}, False),
        (READY | {"periodSeconds": 4, "failureThreshold": 2}, True),
        ({"httpGet": {"path": "/ready"}}, False),
        ({"httpGet": {"path": "/alive"}, "periodSeconds": 1, "failureThreshold": 1}, False),
        ({"tcpSocket": {"port": 1}, "periodSeconds": 1, "failureThreshold": 1}, False),
    ],
)
def test_liveness_asks_for_less_or_waits_longer(
    template: dict[str, Any], alive: dict[str, Any], restarts_too_soon: bool
) -> None:
    template["spec"]["containers"][0] |= {"readinessProbe": READY, "livenessProbe": alive}
    assert violated(owner("Deployment", template)) == ({NETWORK, "probes-differ"} if restarts_too_soon else {NETWORK})


def test_a_container_without_ports_has_probes_unless_it_is_a_sidecar(template: dict[str, Any]) -> None:
    spec = template["spec"]
    [first] = spec["containers"]
    plain = {name: first[name] for name in ("image", "resources", "securityContext")}
    spec["initContainers"].append({"name": "sidecar", "restartPolicy": "Always", **plain})
    assert violated(owner("Deployment", template)) == {NETWORK}
    spec["containers"].append({"name": "other", **plain})
    assert violated(owner("Deployment", template)) == {NETWORK, "probes-set"}


@pytest.mark.parametrize("part", ["labels", "annotations"])
@pytest.mark.parametrize("kind", ["Pod", "StatefulSet"])
def test_a_secret_in_the_metadata_of_pods_is_told_once(template: dict[str, Any], kind: str, part: str) -> None:
    template["metadata"].setdefault(part, {})["token"] = "x"
    matching = findings(RULES, [owner(kind, template)], Context())
    [message] = [each.violation.message for each in matching if each.rule.name == "no-plain-secrets"]
    assert message.endswith(f"{part[:-1]} token holds a secret in plain text")


@pytest.mark.parametrize("value", [Unknown("x"), "", 3, None])
@pytest.mark.parametrize("part", ["annotation", "variable", "data"])
def test_what_holds_no_secret(template: dict[str, Any], part: str, value: Any) -> None:
    config = {"kind": "ConfigMap", "metadata": {"name": "x", "namespace": "rag-system"}, "data": {"a": "b"}}
    if part == "annotation":
        template["metadata"].setdefault("annotations", {})["token"] = value
    elif part == "variable":
        template["spec"]["containers"][0]["env"] = [{"name": "TOKEN", "value": value}]
    else:
        config["data"] = {"token": value}
    assert violated(owner("Deployment", template), config) == {NETWORK}


@pytest.mark.parametrize("place", ["livenessProbe", "readinessProbe", "startupProbe", "postStart", "preStop"])
def test_a_secret_in_the_command_of_a_probe_or_hook(template: dict[str, Any], place: str) -> None:
    handler = {"exec": {"command": ["run", "--password", "x"]}}
    hook = place in ("postStart", "preStop")
    template["spec"]["containers"][0] |= {"lifecycle": {place: handler}} if hook else {place: handler}
    assert "no-plain-secrets" in violated(owner("Deployment", template))
    handler["exec"]["command"][2] = "$PASSWORD"
    assert "no-plain-secrets" not in violated(owner("Deployment", template))


@pytest.mark.parametrize(
    ("name", "text", "wrong"),
    [
        ("migrate.py", "password = hunter2_of_mine\n", False),
        ("migrate.ini", "password = hunter2_of_mine\n", True),
        ("start.sh", "export PASSWORD=hunter2_of_mine\n", False),
        ("migrate.py", "url = 'redis://me:hunter2@redis'\n", True),
    ],
)
def test_a_program_assigns_variables_and_is_no_configuration(name: str, text: str, wrong: bool) -> None:
    config = {"kind": "ConfigMap", "metadata": {"name": "x", "namespace": "rag-system"}, "data": {name: text}}
    assert violated(config) == ({"no-plain-secrets"} if wrong else set())


@pytest.mark.parametrize(("value", "wrong"), [("0a" * 32, False), ("0a" * 8, True)])
def test_a_checksum_of_a_secret_is_none(template: dict[str, Any], value: str, wrong: bool) -> None:
    template["metadata"].setdefault("annotations", {})["checksum/token"] = value
    assert violated(owner("Deployment", template)) == ({NETWORK, "no-plain-secrets"} if wrong else {NETWORK})


def policy(**spec: Any) -> dict[str, Any]:
    metadata = {"name": "x", "namespace": "rag-system"}
    return {"kind": "NetworkPolicy", "metadata": metadata, "spec": {"podSelector": {}, **spec}}


PEER = {"podSelector": {"matchLabels": {"app": "x"}}}


@pytest.mark.parametrize(
    ("spec", "uncovered"),
    [
        ({"policyTypes": ["Ingress", "Egress"]}, []),
        ({"policyTypes": ["Ingress"], "egress": [{"to": [PEER]}]}, ["egress"]),
        ({"policyTypes": ["Egress"]}, ["ingress"]),
        # What NetworkPolicySpec says of policyTypes that are not set.
        ({}, ["egress"]),
        ({"egress": []}, ["egress"]),
        ({"egress": [{"to": [PEER]}]}, []),
        ({"policyTypes": ["Ingress", "Egress"], "podSelector": {"matchLabels": {"app": "x"}}}, ["ingress", "egress"]),
    ],
)
def test_directions_of_a_network_policy(template: dict[str, Any], spec: dict[str, Any], uncovered: list[str]) -> None:
    matching = findings(RULES, [owner("Deployment", template), policy(**spec)], Context())
    expected = [f"no NetworkPolicy covers its pods for {direction}" for direction in uncovered]
    assert [finding.violation.message for finding in matching] == expected


@pytest.mark.parametrize("rule", [Unknown("x"), {"to": Unknown("x")}])
def test_peers_that_are_not_known_yet(template: dict[str, Any], rule: Any) -> None:
    both = policy(policyTypes=["Ingress", "Egress"], egress=[rule])
    assert violated(owner("Deployment", template), both) == set()
    elsewhere = {**both, "metadata": {"name": "x", "namespace": "elsewhere"}}
    assert violated(owner("Deployment", template), elsewhere) == {NETWORK}


@pytest.mark.parametrize("path", ["spec", "spec.template", "spec.template.spec", "spec.template.metadata.labels"])
def test_what_is_not_known_yet_ends_no_rule(template: dict[str, Any], path: str) -> None:
    """A replaced Secret makes the whole `spec` of what refers to it unknown (docs/decisions/0002-provider.md)."""
    item = owner("Deployment", template)
    target: Any = item
    *parents, last = path.split(".")
    for parent in parents:
        target = target[parent]
    target[last] = Unknown("x")
    assert NETWORK in violated(item)


@pytest.mark.parametrize("part", ["securityContext", "resources", "env", "volumeMounts", "ports", "command", "image"])
def test_what_is_not_known_of_a_container_ends_no_rule(template: dict[str, Any], part: str) -> None:
    template["spec"]["containers"][0][part] = Unknown("x")
    expected = {"securityContext": {"pod-security-restricted"}, "resources": {"resources-set"}}
    assert violated(owner("Deployment", template)) == {NETWORK} | expected.get(part, set())


# Source: the checks of k8s.io/pod-security-admission/policy, and the fields that they forbid.
ALLOWED_VOLUMES = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
]
FORBIDDEN_VOLUMES = [
    "hostPath",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "gitRepo",
    "nfs",
    "iscsi",
    "glusterfs",
    "rbd",
    "flexVolume",
    "cinder",
    "cephfs",
    "flocker",
    "fc",
    "azureFile",
    "vsphereVolume",
    "quobyte",
    "azureDisk",
    "portworxVolume",
    "photonPersistentDisk",
    "scaleIO",
    "storageos",
]
SYSCTLS = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
]
PROFILES = ({"type": "RuntimeDefault"}, {"type": "Localhost", "localhostProfile": "x"})
OF_THE_POD = [
    *({"sysctls": [{"name": name, "value": "1"}]} for name in SYSCTLS),
    *({"seLinuxOptions": {"type": f"container{sort}_t"}} for sort in ("", "_init", "_kvm")),
    *({"appArmorProfile": profile} for profile in PROFILES),
    *({"seccompProfile": profile} for profile in PROFILES),
]


def test_volumes_are_those_that_upstream_allows(template: dict[str, Any]) -> None:
    volumes = template["spec"].setdefault("volumes", [])
    volumes += [{"name": sort, sort: {"reference": "x:1"}} for sort in ALLOWED_VOLUMES]
    assert violated(owner("Deployment", template)) == {NETWORK}
    for sort in FORBIDDEN_VOLUMES:
        volumes.append({"name": "x", sort: {}})
        assert violated(owner("Deployment", template)) == {NETWORK, "pod-security-restricted"}, sort
        volumes.pop()


@pytest.mark.parametrize("context", OF_THE_POD, ids=str)
def test_what_upstream_allows_a_pod_to_say(template: dict[str, Any], context: dict[str, Any]) -> None:
    template["spec"]["securityContext"] |= context
    for container in (*template["spec"]["containers"], *template["spec"]["initContainers"]):
        container["securityContext"].pop("seccompProfile", None)
    assert violated(owner("Deployment", template)) == {NETWORK}


@pytest.mark.parametrize(
    ("value", "allowed"), [("runtime/default", True), ("localhost/x", True), ("unconfined", False)]
)
def test_app_armor_by_annotation(template: dict[str, Any], value: str, allowed: bool) -> None:
    template["metadata"].setdefault("annotations", {})["container.apparmor.security.beta.kubernetes.io/redis"] = value
    assert violated(owner("Deployment", template)) == ({NETWORK} if allowed else {NETWORK, "pod-security-restricted"})
