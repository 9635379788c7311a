"""Who may talk to whom: a namespace that denies everything, and the edges of the diagram."""

import pulumi_kubernetes as k8s
from pulumi import Input, ResourceOptions
from pulumi_kubernetes.networking.v1 import (
    NetworkPolicyEgressRuleArgsDict,
    NetworkPolicyIngressRuleArgsDict,
    NetworkPolicyPeerArgsDict,
)

DNS_PORT = 53
# NodeLocal DNSCache answers at this link-local address on every node, outside the cluster's pod network.
# https://kubernetes.io/docs/tasks/administer-cluster/nodelocaldns/
NODE_LOCAL_DNS = "169.254.20.10/32"


def pods(labels: dict[str, str]) -> NetworkPolicyPeerArgsDict:
    """Peer: the pods of this namespace with these labels."""
    return {"pod_selector": {"match_labels": labels}}


def namespace(name: str) -> NetworkPolicyPeerArgsDict:
    """Peer: every pod of the namespace of that name."""
    return {"namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": name}}}


def allow_from(peers: list[NetworkPolicyPeerArgsDict], *ports: int) -> NetworkPolicyIngressRuleArgsDict:
    """Ingress rule: the peers may connect to these TCP ports."""
    return {"from_": peers, "ports": [{"protocol": "TCP", "port": port} for port in ports]}


def allow_to(peers: list[NetworkPolicyPeerArgsDict], *ports: int) -> NetworkPolicyEgressRuleArgsDict:
    """Egress rule: connections to the peers, to these TCP ports or, without any, to every port."""
    if not ports:
        return {"to": peers}
    return {"to": peers, "ports": [{"protocol": "TCP", "port": port} for port in ports]}


def allow_dns() -> NetworkPolicyEgressRuleArgsDict:
    """Egress rule: names resolve, by the cluster's DNS in kube-system or the cache on the node."""
    return {
        "to": [namespace("kube-system"), {"ip_block": {"cidr": NODE_LOCAL_DNS}}],
        "ports": [{"protocol": protocol, "port": DNS_PORT} for protocol in ("UDP", "TCP")],
    }


def network_policy(
    name: str,
    *,
    in_namespace: Input[str],
    labels: dict[str, str],
    selector: dict[str, str],
    ingress: list[NetworkPolicyIngressRuleArgsDict],
    egress: list[NetworkPolicyEgressRuleArgsDict],
    opts: ResourceOptions,
) -> k8s.networking.v1.NetworkPolicy:
    """A policy for both directions of the selected pods; an empty list allows nothing in that direction.

    Args:
        name: name of the resource and of the object.
        in_namespace: namespace of the object.
        labels: labels of the object.
        selector: labels of the pods; empty for all pods of the namespace.
        ingress: rules of `allow_from`.
        egress: rules of `allow_to` and `allow_dns`.
        opts: resource options.
    """
    return k8s.networking.v1.NetworkPolicy(
        name,
        metadata={"name": name, "namespace": in_namespace, "labels": labels},
        spec={
            "pod_selector": {"match_labels": selector} if selector else {},
            "policy_types": ["Ingress", "Egress"],
            "ingress": ingress,
            "egress": egress,
        },
        opts=opts,
    )
