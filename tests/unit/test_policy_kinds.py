"""The policies look into every kind that makes pods, and at what is not known yet."""

from copy import deepcopy
from typing import Any

import pytest

from ops.render import planned_objects
from policy.rules import RULES
from policy.rules.objects import LONG_RUNNING, Unknown
from policy.rules.rule import Context, findings
from stack_config.files import read_stack

NETWORK = "network-policies-cover-pods"
KINDS = (*LONG_RUNNING, "Job", "CronJob", "Pod")


@pytest.fixture(scope="module")
def redis() -> dict[str, Any]:
    """A template of pods that keeps to every policy."""
    objects = planned_objects(read_stack("prod", ["kubeContext=any"]), "prod")
    [found] = [item for item in objects if (item["kind"], item["metadata"]["name"]) == ("Deployment", "redis")]
    template: dict[str, Any] = found["spec"]["template"]
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
    wanted = {NETWORK, *ALWAYS, *probes} - {"no-service-account-token"}
    assert violated(owner("StatefulSet", template)) == wanted


@pytest.mark.parametrize("kind", KINDS)
def test_what_runs_on_has_probes(template: dict[str, Any], kind: str) -> None:
    for probe in ("readinessProbe", "livenessProbe"):
        template["spec"]["containers"][0].pop(probe)
    ends = kind in ("Job", "CronJob")
    assert violated(owner(kind, template)) == ({NETWORK} if ends else {NETWORK, "probes-set"})
    if kind == "Pod":
        template["spec"]["restartPolicy"] = "Never"
        assert violated(owner(kind, template)) == {NETWORK}


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
    wanted = {"securityContext": {"pod-security-restricted"}, "resources": {"resources-set"}}
    assert violated(owner("Deployment", template)) == {NETWORK} | wanted.get(part, set())
