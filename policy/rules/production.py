"""Requirements of production: it survives the loss of a pod and an accidental deletion."""

from collections.abc import Iterator, Sequence
from decimal import ROUND_CEILING, Decimal

from .objects import Object, Unknown, field, pod
from .rule import Context, Definition, StackRule, Violation
from .selectors import selects

PROTECTION = Definition(
    name="production-protection",
    description="In production the namespace and the volumes are protected: a wrong change cannot delete them.",
    remedy="Set the config key protect to true.",
    kinds=("Namespace", "PersistentVolumeClaim"),
    of_production=True,
)
"""The engine must refuse to delete them. The object does not show it: only the pack can check it."""


def replicas(objects: Sequence[Object], context: Context) -> Iterator[Violation]:
    """Deployments with one pod, though several may run side by side.

    The strategy Recreate declares that the pods of a Deployment may not. A StatefulSet may have one pod.
    """
    for item in objects if context.production else ():
        recreates = field(item, "spec", "strategy", "type") == "Recreate"
        if field(item, "kind") == "Deployment" and not recreates:
            fewest = fewest_replicas(item, objects)
            if fewest is not None and fewest < 2:
                yield Violation(item=item, message=f"{fewest} replica in production")


def budgets(objects: Sequence[Object], context: Context) -> Iterator[Violation]:
    """Workloads of which a drain may evict all pods, or none."""
    for item in objects if context.production else ():
        described = pod(item)
        if field(item, "kind") not in ("Deployment", "StatefulSet") or described is None:
            continue
        selecting = [
            each
            for each in objects
            if field(each, "kind") == "PodDisruptionBudget"
            and field(each, "metadata", "namespace") == described.namespace
            # Without a selector a budget covers no pod, with an empty one every pod: PodDisruptionBudgetSpec.
            and field(each, "spec", "selector") is not None
            and selects(field(each, "spec", "selector"), described.labels)
        ]
        if not selecting:
            yield Violation(item=item, message="no PodDisruptionBudget")
        fewest = fewest_replicas(item, objects)
        for each in selecting if fewest else ():
            allowed = _evictable(each, fewest or 0)
            if allowed == 0:
                yield Violation(item=each, message=f"it lets no pod of {fewest} go: a drain waits forever")
            elif fewest and 1 < fewest <= allowed:
                yield Violation(item=each, message=f"it lets all {fewest} pods go at once")


def fewest_replicas(item: Object, objects: Sequence[Object]) -> int | None:
    """Pods that always run: the autoscaler's minimum, or the replicas; None when that is not known yet."""
    for each in objects:
        target = field(each, "spec", "scaleTargetRef")
        if (
            field(each, "kind") == "HorizontalPodAutoscaler"
            and field(target, "kind") == field(item, "kind")
            and field(target, "name") == field(item, "metadata", "name")
            and field(each, "metadata", "namespace") == field(item, "metadata", "namespace")
        ):
            return int(field(each, "spec", "minReplicas") or 1)
    number = field(item, "spec", "replicas")
    if isinstance(number, Unknown):
        return None
    return 1 if number is None else int(number)


def _evictable(budget: Object, replicas: int) -> int:
    most, least = field(budget, "spec", "maxUnavailable"), field(budget, "spec", "minAvailable")
    if most is not None:
        return _share(most, replicas)
    return replicas - _share(least, replicas) if least is not None else 0


def _share(amount: object, replicas: int) -> int:
    # Budgets round percentages up, on both sides.
    if isinstance(amount, str) and amount.endswith("%"):
        return int((Decimal(amount.removesuffix("%")) * replicas / 100).to_integral_value(ROUND_CEILING))
    return int(str(amount))


RULES = (
    StackRule(
        name="production-replicas",
        description="In production a Deployment has at least two pods, unless its strategy is Recreate.",
        remedy="Raise replicas, or minReplicas of the autoscaler.",
        kinds=("Deployment", "HorizontalPodAutoscaler"),
        of_production=True,
        check=replicas,
    ),
    StackRule(
        name="production-budgets",
        description="In production every workload has a PodDisruptionBudget that lets one pod go and never all.",
        remedy="Use disruption_budget() of components/blocks/disruption_budget.py, with maxUnavailable from 1 to "
        "replicas - 1.",
        kinds=("Deployment", "StatefulSet", "PodDisruptionBudget", "HorizontalPodAutoscaler"),
        of_production=True,
        check=budgets,
    ),
)
