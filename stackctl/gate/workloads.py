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
"""Kinds that set the number of pods, or how many of them may be evicted."""


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A Deployment or StatefulSet, with its autoscaler and disruption budget applied."""

    label: str
    """``Deployment/redis``."""

    name: str
    spec: Mapping[str, Any]
    fewest: int
    """Pods that always run."""

    most: int
    """Pods that run when the autoscaler is at its maximum."""

    budget: int | None
    """Pods that a drain may evict at the same time; None without a budget: a drain may evict all."""

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
        """Pods that are unavailable at the same time during a rollout."""
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
        objects: the objects of one side, each with its change.
    """
    present = [(change, spec) for change, spec in objects if change.is_kubernetes and spec]
    budgets = [item for change, item in present if change.kind == "PodDisruptionBudget"]
    scalers = [item for change, item in present if change.kind == "HorizontalPodAutoscaler"]
    by_key = {}
    for change, item in present:
        if change.kind in CONTROLLERS:
            # Kubernetes' own default is one replica.
            replicas = at(item, "spec", "replicas")
            fewest = most = 1 if replicas is None else int(replicas)
            for scaler in scalers:
                if _scales(scaler, change.kind, at(item, "metadata", "name"), at(item, "metadata", "namespace")):
                    fewest = int(at(scaler, "spec", "minReplicas") or 1)
                    most = int(at(scaler, "spec", "maxReplicas") or fewest)
            by_key[key(change)] = Workload(
                label=change.label,
                name=change.object_name,
                spec=at(item, "spec") or {},
                fewest=fewest,
                most=most,
                budget=_budget(budgets, item, fewest),
            )
    return by_key


def key(change: Change) -> str:
    """Identifies a workload on both sides."""
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
        # Without a selector a budget covers no pod, with an empty one every pod: PodDisruptionBudgetSpec.
        if not same_namespace or selector is None or not selects(selector, labels):
            continue
        most, least = at(budget, "spec", "maxUnavailable"), at(budget, "spec", "minAvailable")
        if most is not None:
            allowed.append(_pods(most, replicas, up=True))
        elif least is not None:
            allowed.append(max(0, replicas - _pods(least, replicas, up=True)))
    return min(allowed) if allowed else None


def _pods(amount: object, replicas: int, *, up: bool) -> int:
    """The number of pods for a number or a percentage.

    Source: GetScaledValueFromIntOrPercent in k8s.io/apimachinery/pkg/util/intstr; budgets round up, rollouts down.
    """
    if isinstance(amount, str) and amount.endswith("%"):
        share = Decimal(amount.removesuffix("%")) * replicas / 100
        return int(share.to_integral_value(ROUND_CEILING)) if up else int(share)
    return int(str(amount).partition(".")[0])
