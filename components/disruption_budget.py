"""Disruption budgets: what a node drain may take."""

import pulumi_kubernetes as k8s
from pulumi import Input, ResourceOptions
from pulumi_kubernetes.policy.v1 import PodDisruptionBudgetSpecArgsDict

from .labels import Labels


def disruption_budget(
    name: str,
    *,
    in_namespace: Input[str],
    labels: Labels,
    min_available: int | None = None,
    opts: ResourceOptions,
) -> k8s.policy.v1.PodDisruptionBudget:
    """One pod at a time, or as many as leave ``min_available``.

    A pod that is not ready may always be evicted: it serves nobody, and a drain must not wait for it for ever.
    """
    spec: PodDisruptionBudgetSpecArgsDict = {
        "unhealthy_pod_eviction_policy": "AlwaysAllow",
        "selector": {"match_labels": labels.selector},
    }
    if min_available is None:
        spec["max_unavailable"] = 1
    else:
        spec["min_available"] = min_available
    return k8s.policy.v1.PodDisruptionBudget(
        name,
        metadata={"name": name, "namespace": in_namespace, "labels": labels.metadata},
        spec=spec,
        opts=opts,
    )
