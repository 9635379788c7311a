"""Steps of previews, made up for the tests of what is read out of them."""

import json
from typing import Any

from stackctl.gate.changes import changes
from stackctl.gate.gate import Finding, findings
from stackctl.gate.model import parse

TYPE = "urn:pulumi:prod::open-webui-stack::"
UNKNOWN_NUMBER = "3eeb2bf0-c639-47a8-9e75-3b44932eb421"


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


def relabelled(state: dict[str, Any]) -> dict[str, Any]:
    state["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
    return state


DEPLOYMENT, BUDGET = "kubernetes:apps/v1:Deployment::web", "kubernetes:policy/v1:PodDisruptionBudget::web"
SCALER = "kubernetes:autoscaling/v2:HorizontalPodAutoscaler::web"
ONE_AT_A_TIME = same(BUDGET, budget(maxUnavailable=1))
