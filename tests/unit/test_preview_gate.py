"""What the gate stops and what it lets through. The same on the real engine: tests/engine."""

import json
from typing import Any

import pytest

from ops.preview.changes import Operation, changes
from ops.preview.gate import ALLOWING, Finding, findings
from ops.preview.model import parse
from ops.preview.requested import requested
from ops.preview.rollouts import rollouts
from ops.preview.versions import version_changes

from .recording import Recording

TYPE = "urn:pulumi:prod::open-webui-stack::"
GITHUB_LABEL = 50
"""Characters of a label on GitHub."""


def step(op: str, qualified: str, before: Any = None, after: Any = None, **more: Any) -> dict[str, Any]:
    """A step; ``old`` and ``new`` are further members of the states."""
    old, new = more.pop("old", {}), more.pop("new", {})
    states = {}
    if op != "create":
        states["oldState"] = {"custom": True, "inputs": before or {}, **old}
    if op != "delete":
        states["newState"] = {"custom": True, "inputs": after or {}, **new}
    return {"op": op, "urn": f"{TYPE}{qualified}", **states, **more}


def parsed(*steps: dict[str, Any]) -> Any:
    return changes(parse(json.dumps({"steps": list(steps)})))


def gate(*steps: dict[str, Any], labels: tuple[str, ...] = (), production: bool = True) -> list[Finding]:
    return findings(parsed(*steps), "prod", production=production, labels=frozenset(labels))


def deployment(replicas: Any = 3, image: str = "x:1", kind: str = "Deployment", **spec: Any) -> dict[str, Any]:
    """A workload `web` with one container `web`."""
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": image}]}}
    metadata = {"name": "web", "namespace": "n"}
    return {"kind": kind, "metadata": metadata, "spec": {"replicas": replicas, "template": template, **spec}}


def budget(**spec: Any) -> dict[str, Any]:
    selector = {"matchLabels": {"app": "web"}}
    return {"metadata": {"name": "web", "namespace": "n"}, "spec": {"selector": selector, **spec}}


def scaler(fewest: int) -> dict[str, Any]:
    target = {"kind": "Deployment", "name": "web"}
    spec = {"scaleTargetRef": target, "minReplicas": fewest, "maxReplicas": 9}
    return {"metadata": {"name": "web", "namespace": "n"}, "spec": spec}


def same(qualified: str, inputs: dict[str, Any]) -> dict[str, Any]:
    return step("same", qualified, inputs, inputs)


DEPLOYMENT, BUDGET = "kubernetes:apps/v1:Deployment::web", "kubernetes:policy/v1:PodDisruptionBudget::web"
SCALER = "kubernetes:autoscaling/v2:HorizontalPodAutoscaler::web"
ONE_AT_A_TIME = same(BUDGET, budget(maxUnavailable=1))

GUARDED = {
    "kubernetes:core/v1:PersistentVolumeClaim::data": "PersistentVolumeClaim/data",
    "kubernetes:apps/v1:StatefulSet::db": "StatefulSet/db",
    "kubernetes:core/v1:Namespace::ns": "Namespace/ns",
    "random:index/randomPassword:RandomPassword::pw": "RandomPassword/pw",
    "random:index/randomBytes:RandomBytes::key": "RandomBytes/key",
    "pulumi:providers:kubernetes::cluster": "Provider/cluster",
}


@pytest.mark.parametrize("operation", ["replace", "delete"])
@pytest.mark.parametrize("qualified", GUARDED)
def test_what_cannot_be_made_again_is_stopped(qualified: str, operation: str) -> None:
    name = qualified.rpartition("::")[2]
    [finding] = gate(step(operation, qualified, replaceReasons=["spec.x"]))
    assert finding.resource == GUARDED[qualified]
    assert finding.label == f"allow-{operation}:prod/{name}"
    assert finding.cause == ("spec.x" if operation == "replace" else "no longer in the program")
    assert not finding.allowed
    [allowed] = gate(step(operation, qualified), labels=("bug", f"allow-{operation}:prod/{name}"))
    assert allowed.allowed


@pytest.mark.parametrize(
    "label",
    ["allow-delete:prod/data", "allow-replace:dev/data", "allow-replace:prod/other", "allow-replace:data", "data"],
)
def test_a_label_allows_one_thing_in_one_environment(label: str) -> None:
    [finding] = gate(step("replace", "kubernetes:core/v1:PersistentVolumeClaim::data"), labels=(label,))
    assert not finding.allowed


def test_pods_with_data_of_their_own_do_not_go_unnoticed() -> None:
    nodes = "kubernetes:apps/v1:StatefulSet::redis"
    eight, six = ({"spec": {"replicas": number}} for number in (8, 6))
    [finding] = gate(step("update", nodes, eight, six))
    assert finding.what.startswith("2 of its pods go")
    assert (finding.cause, finding.label) == ("spec.replicas (8 → 6)", "allow-delete:prod/redis")
    [allowed] = gate(step("update", nodes, eight, six), labels=("allow-delete:prod/redis",))
    assert allowed.allowed
    assert gate(step("update", nodes, six, eight)) == []
    assert gate(step("update", "kubernetes:apps/v1:Deployment::redis", eight, six)) == []


@pytest.mark.parametrize(
    "harmless",
    [
        step("update", "kubernetes:core/v1:PersistentVolumeClaim::data"),
        step("create", "kubernetes:core/v1:Namespace::ns"),
        step("same", "kubernetes:apps/v1:StatefulSet::db"),
        step("replace", "kubernetes:core/v1:ConfigMap::conf"),
        step("delete", "kubernetes:core/v1:Service::service"),
        step("delete", "pulumi:providers:kubernetes::default_4_21_4"),
        step("replace", "random:index/randomPet:RandomPet::pet"),
    ],
)
def test_everything_else_is_let_through(harmless: dict[str, Any]) -> None:
    assert gate(harmless) == []


def test_the_parts_of_a_replacement_are_one_replacement() -> None:
    claim = "kubernetes:core/v1:PersistentVolumeClaim::data"
    steps = [step("delete-replaced", claim), step("replace", claim), step("create-replacement", claim)]
    [change] = parsed(*steps)
    assert change.operation is Operation.REPLACE
    assert len(gate(*steps)) == 1


def test_any_protected_resource_is_stopped() -> None:
    protected = {"old": {"protect": True}, "new": {"protect": True}}
    [refused] = gate(
        step("replace", "kubernetes:core/v1:ConfigMap::conf", **protected), labels=("allow-replace:prod/conf",)
    )
    assert refused.label is None
    assert not refused.allowed
    assert refused.remedy
    [deleted] = gate(step("delete", "kubernetes:core/v1:ConfigMap::conf", old={"protect": True}))
    assert deleted.label is None
    [both] = gate(step("replace", "kubernetes:core/v1:ConfigMap::conf", old={"protect": True}))
    assert both.label == "allow-replace:prod/conf"


def test_the_cause_has_the_values_unless_they_are_secret() -> None:
    claim = "kubernetes:core/v1:PersistentVolumeClaim::data"
    before, after = ({"spec": {"storageClassName": name}} for name in ("slow", "fast"))
    [finding] = gate(step("replace", claim, before, after, replaceReasons=["spec.storageClassName"]))
    assert finding.cause == "spec.storageClassName (slow → fast)"
    secret = step(
        "replace",
        "random:index/randomPassword:RandomPassword::pw",
        {"result": "before"},
        {"result": "after"},
        replaceReasons=["result"],
        new={"additionalSecretOutputs": ["result"]},
    )
    [hidden] = gate(secret)
    assert hidden.cause == "result"


DISRUPTIONS: dict[str, tuple[list[dict[str, Any]], str]] = {
    "fewer replicas": (
        [ONE_AT_A_TIME, step("update", DEPLOYMENT, deployment(3), deployment(1))],
        "a drain may take the last pod: 1 replicas with 1 unavailable, so far 3 with 1",
    ),
    "fewer by the autoscaler": (
        [ONE_AT_A_TIME, same(DEPLOYMENT, deployment(3)), step("update", SCALER, scaler(3), scaler(1))],
        "a drain may take the last pod",
    ),
    "a wider budget": (
        [same(DEPLOYMENT, deployment(3)), step("update", BUDGET, budget(maxUnavailable=1), budget(maxUnavailable=3))],
        "a drain may take the last pod",
    ),
    "a wider budget in percent": (
        [same(DEPLOYMENT, deployment(3)), step("update", BUDGET, budget(minAvailable=2), budget(minAvailable="0%"))],
        "a drain may take the last pod",
    ),
    "no budget": (
        [same(DEPLOYMENT, deployment(3)), step("delete", BUDGET, budget(maxUnavailable=1))],
        "its budget is gone",
    ),
    "a budget that blocks": (
        [
            same(DEPLOYMENT, deployment(3)),
            step("update", BUDGET, budget(maxUnavailable=1), budget(minAvailable="100%")),
        ],
        "every drain of a node waits for ever",
    ),
    "a roll of too many": (
        [
            ONE_AT_A_TIME,
            step(
                "update",
                DEPLOYMENT,
                deployment(3),
                deployment(3, image="x:2", strategy={"rollingUpdate": {"maxUnavailable": 2}}),
            ),
        ],
        "the update stops 2 of 3 pods at once, the budget allows 1",
    ),
    "a roll that stops all": (
        [ONE_AT_A_TIME, step("update", DEPLOYMENT, deployment(3), deployment(3, "x:2", strategy={"type": "Recreate"}))],
        "the update stops 3 of 3 pods at once, the budget allows 1",
    ),
    "a replacement": (
        [ONE_AT_A_TIME, step("replace", DEPLOYMENT, deployment(3), deployment(3))],
        "the update stops 3 of 3 pods at once, the budget allows 1",
    ),
    "a deletion": (
        [step("delete", BUDGET, budget(maxUnavailable=1)), step("delete", DEPLOYMENT, deployment(3))],
        "the update stops 3 of 3 pods at once, the budget allows 1",
    ),
}


@pytest.mark.parametrize("name", DISRUPTIONS)
def test_production_does_not_drop_below_its_budget(name: str) -> None:
    steps, cause = DISRUPTIONS[name]
    [finding] = gate(*steps)
    assert (finding.resource, finding.label) == ("Deployment/web", "allow-disruption:prod/web")
    assert cause in finding.cause
    assert gate(*steps, production=False) == []
    assert gate(*steps, labels=("allow-disruption:prod/web",))[0].allowed


@pytest.mark.parametrize(
    "steps",
    [
        [ONE_AT_A_TIME, step("update", DEPLOYMENT, deployment(3), deployment(2))],
        [ONE_AT_A_TIME, step("update", DEPLOYMENT, deployment(3), deployment(3, image="x:2"))],
        [ONE_AT_A_TIME, step("update", DEPLOYMENT, deployment(1), deployment(1, "x:2", strategy={"type": "Recreate"}))],
        [step("create", DEPLOYMENT, after=deployment(1))],
        [same(DEPLOYMENT, deployment(1)), ONE_AT_A_TIME],
        [step("update", DEPLOYMENT, deployment(3), deployment(3, image="x:2"))],
    ],
)
def test_what_keeps_the_budget_is_let_through(steps: list[dict[str, Any]]) -> None:
    assert gate(*steps) == []


def image(name: str, before: str, after: str, kind: str = "Deployment") -> dict[str, Any]:
    states = []
    for tagged in (before, after):
        state = deployment(kind=kind)
        state["spec"]["template"]["spec"]["containers"] = [{"name": name, "image": tagged}]
        states.append(state)
    return step("update", f"kubernetes:apps/v1:{kind}::{name}", *states)


@pytest.mark.parametrize(
    ("name", "before", "after", "named", "blocked"),
    [
        ("open-webui", "ghcr.io/x/open-webui:v0.12.4-slim", "mirror:5000/w:v0.13.0-slim", ("0.12.4", "0.13.0"), None),
        ("open-webui", "w:v0.12.4", "w:v0.9.9", ("0.12.4", "0.9.9"), "downgrade"),
        ("open-webui", "w:v0.12.4-slim", "w:v0.12.4", None, None),
        ("open-webui", "w:v0.12.4", "w:main", ("0.12.4", "main"), None),
        ("postgres", "pgvector/pgvector:pg17", "pgvector/pgvector:pg18", ("pg17", "pg18"), "major"),
        ("postgres", "pgvector/pgvector:0.8.0-pg17", "pgvector/pgvector:0.8.1-pg18-trixie", ..., "major"),
        ("postgres", "pgvector/pgvector:pg17", "pgvector/pgvector:0.8.1-pg17", ("pg17", "0.8.1-pg17"), None),
        ("postgres", "postgres:17.2", "postgres:17.5-trixie", ("17.2", "17.5-trixie"), None),
        ("postgres", "postgres:17.2", "postgres:18", ("17.2", "18"), "major"),
        ("postgres", "postgres:17", "mirror.example.com/postgres:17", None, None),
        ("postgres", "postgres:17", "postgres:latest", ("17", "latest"), "major"),
        ("postgres", "postgres:17", "postgres@sha256:0", ("17", "postgres@sha256:0"), "major"),
        ("redis", "redis:7", "redis:8", None, None),
    ],
)
def test_versions(name: str, before: str, after: str, named: Any, blocked: str | None) -> None:
    seen = version_changes(parsed(image(name, before, after)))
    if named is None:
        assert seen == []
    else:
        [version] = seen
        assert named in (..., (version.before, version.after))
        assert version.blocked_as == blocked
    labels = [finding.label for finding in gate(image(name, before, after), production=False)]
    assert labels == ([f"allow-{blocked}:prod/{name}"] if blocked else [])


def test_requests_count_replicas_and_the_larger_of_init_and_ordinary_containers() -> None:
    def asks(cpu: str, **more: Any) -> dict[str, Any]:
        return {"resources": {"requests": {"cpu": cpu, "memory": "1Gi"}}, **more}

    state = deployment(2)
    spec = state["spec"]["template"]["spec"]
    spec["containers"] = [asks("100m"), asks("200m")]
    spec["initContainers"] = [asks("1"), asks("50m", restartPolicy="Always"), asks("250m")]
    state["spec"]["volumeClaimTemplates"] = [{"spec": {"resources": {"requests": {"storage": "5Gi"}}}}]
    claim = {"spec": {"resources": {"requests": {"storage": "1Gi"}}}}
    steps = [
        step("create", "kubernetes:apps/v1:StatefulSet::web", after=state),
        step("delete", "kubernetes:core/v1:PersistentVolumeClaim::c", claim),
    ]
    before, after = requested(parsed(*steps))
    assert before.cpu == 0
    assert before.storage == 2**30
    # The first init container is alone; then one stays beside the ordinary ones: max(1, 0.05 + 0.25, 0.05 + 0.3).
    assert after.cpu == 2
    assert after.memory == 2 * 3 * 2**30
    assert after.storage == 2 * 5 * 2**30


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([step("update", DEPLOYMENT, deployment(4), deployment(4, image="x:2"))], (4, "up to 1 away at a time", True)),
        ([step("update", DEPLOYMENT, deployment(3), deployment(3, image="x:2"))], (3, "none is taken", True)),
        ([step("update", DEPLOYMENT, deployment(1), deployment(1, image="x:2"))], (1, "none is taken", True)),
        (
            [step("update", DEPLOYMENT, deployment(3), deployment(3, "x:2", strategy={"type": "Recreate"}))],
            (3, "all at once", False),
        ),
        ([step("replace", DEPLOYMENT, deployment(3), deployment(3))], (3, "all stop", False)),
        ([step("delete", DEPLOYMENT, deployment(3))], (3, "all are removed", False)),
        ([step("update", DEPLOYMENT, deployment(3), deployment(2))], (1, "removed", True)),
        ([step("update", DEPLOYMENT, deployment(3), deployment(0))], (3, "removed", False)),
    ],
)
def test_which_pods_go_and_whether_requests_are_served(steps: list[Any], expected: tuple[int, str, bool]) -> None:
    [rollout] = rollouts(parsed(*steps))
    pods, how, served = expected
    assert rollout.pods == pods
    assert how in rollout.how
    assert (rollout.interruption is None) is served


def test_labels_fit_into_github(recording: Recording) -> None:
    guarded = [r.name for r in recording.resources if r.type in {key.partition("::")[0] for key in GUARDED}]
    names = [*guarded, "open-webui", "redis", "postgres"]
    assert len(guarded) >= 6
    for name in names:
        for what in ("replace", "downgrade" if name == "open-webui" else "delete"):
            label = f"allow-{what}:prod/{name}"
            assert ALLOWING.fullmatch(label)
            assert len(label) <= GITHUB_LABEL, label


def test_backups_that_are_turned_off_lose_their_volume(prod: Recording) -> None:
    component = "open-webui-stack:backup:Backup$kubernetes:"
    registered = [r for r in prod.objects if r.name in ("postgres-backup", "postgres-backups")]
    steps = [
        step("delete", f"{component}{r.type.removeprefix('kubernetes:')}::{r.name}", dict(r.inputs)) for r in registered
    ]
    assert len(steps) == 5
    [finding] = gate(*steps)
    assert (finding.resource, finding.label) == (
        "PersistentVolumeClaim/postgres-backups",
        "allow-delete:prod/postgres-backups",
    )
    assert "the data on the volume is lost" in finding.what
