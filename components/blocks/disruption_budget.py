"""Disruption budgets: how many pods a node drain may evict at the same time."""

import pulumi_kubernetes as k8s
from pulumi import Input, ResourceOptions

from .labels import Labels


def disruption_budget(
    name: str,
    *,
    in_namespace: Input[str],
    labels: Labels,
    max_unavailable: int = 1,
    opts: ResourceOptions,
) -> k8s.policy.v1.PodDisruptionBudget:
    """At most ``max_unavailable`` pods at a time.

    A pod that is not ready may always be evicted: it serves no requests, and a drain must not wait for it forever.
    """
    return k8s.policy.v1.PodDisruptionBudget(
        name,
        metadata={"name": name, "namespace": in_namespace, "labels": labels.metadata},
        spec={
            "max_unavailable": max_unavailable,
            "unhealthy_pod_eviction_policy": "AlwaysAllow",
            "selector": {"match_labels": labels.selector},
        },
        opts=opts,
    )
