"""Peers and rules of network policies. The namespace denies every connection that no rule allows."""

from collections.abc import Mapping, Sequence

import pulumi_kubernetes as k8s
from pulumi import Input, Resource, ResourceOptions
from pulumi_kubernetes.networking.v1 import (
    NetworkPolicyEgressRuleArgsDict,
    NetworkPolicyIngressRuleArgsDict,
    NetworkPolicyPeerArgsDict,
)

from .client_settings import ClientSettings
from .custom_kinds import CILIUM_NETWORK_POLICY, custom_object
from .labels import NAMESPACE_NAME


def pods(labels: dict[str, str]) -> NetworkPolicyPeerArgsDict:
    """Peer: the pods of this namespace with these labels."""
    return {"pod_selector": {"match_labels": labels}}


def namespace(name: str, labels: Mapping[str, str] | None = None) -> NetworkPolicyPeerArgsDict:
    """Peer: all pods of the namespace of that name, or only its pods with these labels."""
    return namespaces({NAMESPACE_NAME: name}, labels)


def namespaces(labels: Mapping[str, str], pod_labels: Mapping[str, str] | None = None) -> NetworkPolicyPeerArgsDict:
    """Peer: all pods of the namespaces with these labels, or only their pods with the pod labels."""
    peer: NetworkPolicyPeerArgsDict = {"namespace_selector": {"match_labels": dict(labels)}}
    return {**peer, "pod_selector": {"match_labels": dict(pod_labels)}} if pod_labels else peer


def client_pods(clients: Sequence[ClientSettings]) -> list[NetworkPolicyPeerArgsDict]:
    """Peers: the pods that `clients` of a component names."""
    return [
        namespace(client.namespace, client.pod_labels) if client.namespace else pods(dict(client.pod_labels))
        for client in clients
    ]


def addresses(cidr: str, excluded: Sequence[str] = ()) -> NetworkPolicyPeerArgsDict:
    """Peer: the addresses of the range, except the excluded ranges within it."""
    if not excluded:
        return {"ip_block": {"cidr": cidr}}
    return {"ip_block": {"cidr": cidr, "except_": list(excluded)}}


def allow_from(peers: list[NetworkPolicyPeerArgsDict], *ports: int) -> NetworkPolicyIngressRuleArgsDict:
    """Ingress rule: the peers may connect to these TCP ports."""
    return {"from_": peers, "ports": [{"protocol": "TCP", "port": port} for port in ports]}


def allow_to(peers: list[NetworkPolicyPeerArgsDict], *ports: int) -> NetworkPolicyEgressRuleArgsDict:
    """Egress rule: connections to the peers, to these TCP ports or, without any, to every port."""
    if not ports:
        return {"to": peers}
    return {"to": peers, "ports": [{"protocol": "TCP", "port": port} for port in ports]}


def allow_dns(servers: list[NetworkPolicyPeerArgsDict], port: int) -> NetworkPolicyEgressRuleArgsDict:
    """Egress rule: queries to the DNS servers among the peers, which listen on that port."""
    return {"to": servers, "ports": [{"protocol": protocol, "port": port} for protocol in ("UDP", "TCP")]}


def network_policy(
    name: str,
    *,
    in_namespace: Input[str],
    labels: dict[str, str],
    selector: dict[str, str],
    ingress: list[NetworkPolicyIngressRuleArgsDict],
    egress: list[NetworkPolicyEgressRuleArgsDict],
    annotations: Mapping[str, str] | None = None,
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
        annotations: annotations of the object.
        opts: resource options.
    """
    return k8s.networking.v1.NetworkPolicy(
        name,
        metadata={
            "name": name,
            "namespace": in_namespace,
            "labels": labels,
            **({"annotations": annotations} if annotations else {}),
        },
        spec={
            "pod_selector": {"match_labels": selector} if selector else {},
            "policy_types": ["Ingress", "Egress"],
            "ingress": ingress,
            "egress": egress,
        },
        opts=opts,
    )


def cilium_policy(
    name: str,
    *,
    in_namespace: Input[str],
    labels: dict[str, str],
    selector: dict[str, str],
    entities: Sequence[str],
    port: int,
    opts: ResourceOptions,
) -> Resource:
    """A CiliumNetworkPolicy that admits Cilium's own entities. They are not pods, so no NetworkPolicy can select them.

    It adds to the NetworkPolicies of the same pods: https://docs.cilium.io/en/stable/network/kubernetes/policy/

    Args:
        name: name of the resource and of the object.
        in_namespace: namespace of the object.
        labels: labels of the object.
        selector: labels of the pods.
        entities: entities that may connect, such as ``ingress``: the Envoy of Cilium's Ingress and Gateways.
        port: TCP port of the pods.
        opts: resource options.
    """
    return custom_object(
        name,
        CILIUM_NETWORK_POLICY,
        metadata={"name": name, "namespace": in_namespace, "labels": labels},
        spec={
            "endpointSelector": {"matchLabels": selector},
            "ingress": [
                {
                    "fromEntities": list(entities),
                    "toPorts": [{"ports": [{"port": str(port), "protocol": "TCP"}]}],
                }
            ],
        },
        opts=opts,
    )
