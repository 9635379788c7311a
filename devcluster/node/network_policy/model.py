"""NetworkPolicies and the pods that they select, reduced to the fields that rules need."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from policy.rules.selectors import selects


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A pod with an address of its own."""

    namespace: str
    name: str
    address: str
    labels: Mapping[str, str]
    ports: Mapping[tuple[str, str], int]
    """Named ports of its containers: (protocol, name) to number."""


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """All objects that the rules depend on."""

    pods: tuple[Pod, ...]
    namespaces: Mapping[str, Mapping[str, str]]
    """Labels of each namespace."""

    policies: tuple[Mapping[str, Any], ...]
    """NetworkPolicies as the API serves them (camelCase)."""


def policy_types(policy: Mapping[str, Any]) -> tuple[str, ...]:
    """Directions that a policy isolates its pods in; the API server fills in the default."""
    return tuple(policy["spec"].get("policyTypes") or ["Ingress"])


def selected_pods(policy: Mapping[str, Any], cluster: Cluster) -> list[Pod]:
    """Pods that a policy selects."""
    namespace, selector = policy["metadata"]["namespace"], policy["spec"].get("podSelector") or {}
    return [pod for pod in cluster.pods if pod.namespace == namespace and selects(selector, pod.labels)]


def peer_pods(peer: Mapping[str, Any], own_namespace: str, cluster: Cluster) -> list[Pod]:
    """Pods that a peer of a rule selects; none for a block of addresses."""
    if "ipBlock" in peer:
        return []
    namespaces = {own_namespace}
    if (of_namespaces := peer.get("namespaceSelector")) is not None:
        namespaces = {name for name, labels in cluster.namespaces.items() if selects(of_namespaces, labels)}
    selector = peer.get("podSelector") or {}
    return [pod for pod in cluster.pods if pod.namespace in namespaces and selects(selector, pod.labels)]
