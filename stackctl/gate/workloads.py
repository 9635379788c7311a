"""The workloads, budgets and autoscalers of one side of a preview: before it, or after it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Any

from policy.rules.selectors import selects

from .changes import Change
from .model import at

CONTROLLERS = ("Deployment", "StatefulSet")
COUNTED = (*CONTROLLERS, "PodDisruptionBudget", "HorizontalPodAutoscaler")
"""Kinds that say how many pods there are, and how many may go."""


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A Deployment or StatefulSet with what decides how many of its pods there are."""

    label: str
    """``Deployment/redis``."""

    name: str
    spec: Mapping[str, Any]
    fewest: int
    """Pods that always run."""

    most: int
    """Pods that the autoscaler may make of them."""

    budget: int | None
    """Pods that a drain may take at the same time; None without a budget, when a drain may take all."""

    @property
    def pod(self) -> Mapping[str, Any]:
        """Spec of its pods."""
        return at(self.spec, "template", "spec") or {}

    @property
    def recreates(self) -> bool:
        """Whether an update stops all pods before it starts one."""
        return bool(at(self.spec, "strategy", "type") == "Recreate")

    @property
    def taken_by_rollout(self) -> int:
        """Pods that are away at the same time while the update rolls."""
        if self.recreates:
            return self.fewest
        if self.label.startswith("StatefulSet/"):
            return min(1, self.fewest)
        # Kubernetes' own default is 25 %, rounded down.
        limit = at(self.spec, "strategy", "rollingUpdate", "maxUnavailable")
        return _pods("25%" if limit is None else limit, self.fewest, up=False)


def workloads(objects: Iterable[tuple[Change, Mapping[str, Any]]]) -> dict[str, Workload]:
    """Workloads by ``namespace/Deployment/redis``.

    Args:
        objects: the objects of one side, each with the change it is from.
    """
    present = [(change, spec) for change, spec in objects if change.is_kubernetes and spec]
    budgets = [item for change, item in present if change.kind == "PodDisruptionBudget"]
    scalers = [item for change, item in present if change.kind == "HorizontalPodAutoscaler"]
    found = {}
    for change, item in present:
        if change.kind in CONTROLLERS:
            # Kubernetes' own default is one replica.
            replicas = at(item, "spec", "replicas")
            fewest = most = 1 if replicas is None else int(replicas)
            for scaler in scalers:
                if _scales(scaler, change.kind, at(item, "metadata", "name"), at(item, "metadata", "namespace")):
                    fewest = int(at(scaler, "spec", "minReplicas") or 1)
                    most = int(at(scaler, "spec", "maxReplicas") or fewest)
            found[key(change)] = Workload(
                label=change.label,
                name=change.object_name,
                spec=at(item, "spec") or {},
                fewest=fewest,
                most=most,
                budget=_budget(budgets, item, fewest),
            )
    return found


def key(change: Change) -> str:
    """What tells a workload from all others, on both sides."""
    return f"{change.type}/{change.name}"


def both_sides(changes: Iterable[Change]) -> tuple[dict[str, Workload], dict[str, Workload]]:
    """The workloads before, and those after."""
    listed = tuple(changes)
    return workloads((change, change.before) for change in listed), workloads(
        (change, change.after) for change in listed
    )


def _scales(scaler: Mapping[str, Any], kind: str, name: object, namespace: object) -> bool:
    target = at(scaler, "spec", "scaleTargetRef")
    same_namespace = at(scaler, "metadata", "namespace") == namespace
    return bool(same_namespace and at(target, "kind") == kind and at(target, "name") == name)


def _budget(budgets: Iterable[Mapping[str, Any]], item: Mapping[str, Any], replicas: int) -> int | None:
    labels = at(item, "spec", "template", "metadata", "labels") or {}
    namespace = at(item, "metadata", "namespace")
    allowed = []
    for budget in budgets:
        same_namespace = at(budget, "metadata", "namespace") == namespace
        selector = at(budget, "spec", "selector")
        # Without a selector a budget is for no pod, with an empty one for every pod: PodDisruptionBudgetSpec.
        if not same_namespace or selector is None or not selects(selector, labels):
            continue
        most, least = at(budget, "spec", "maxUnavailable"), at(budget, "spec", "minAvailable")
        if most is not None:
            allowed.append(_pods(most, replicas, up=True))
        elif least is not None:
            allowed.append(max(0, replicas - _pods(least, replicas, up=True)))
    return min(allowed) if allowed else None


def _pods(amount: object, replicas: int, *, up: bool) -> int:
    """A number of pods, or of a percentage of them.

    Source: GetScaledValueFromIntOrPercent in k8s.io/apimachinery/pkg/util/intstr; budgets round up, rollouts down.
    """
    if isinstance(amount, str) and amount.endswith("%"):
        share = Decimal(amount.removesuffix("%")) * replicas / 100
        return int(share.to_integral_value(ROUND_CEILING)) if up else int(share)
    return int(str(amount).partition(".")[0])
