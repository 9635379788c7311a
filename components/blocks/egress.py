"""The connections that the web pods need, as egress rules of a NetworkPolicy."""

import ipaddress
from collections.abc import Iterable

from pulumi_kubernetes.networking.v1 import NetworkPolicyEgressRuleArgsDict, NetworkPolicyPeerArgsDict

from .destinations import PUBLIC, TLS_SCHEMES, Destination, cluster_namespace, is_private_name, is_range
from .network_policy import addresses, allow_to, namespace

# A policy cannot name a host, and a public name may have any public address. The private ranges stay closed, so a web
# pod cannot reach other pods or the metadata service of the cloud.
PRIVATE_RANGES = ["10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"]
# The same for IPv6, where the metadata service of the cloud has an address in fc00::/7. Destinations of NAT64 are
# public: https://www.rfc-editor.org/rfc/rfc6052#section-3.1
PRIVATE_RANGES_6 = ["::1/128", "fc00::/7", "fe80::/10"]


def egress_rules(destinations: Iterable[Destination], own_namespace: str) -> list[NetworkPolicyEgressRuleArgsDict]:
    """Egress rules for the destinations, without repetition.

    An address or a CIDR becomes that and the port. A name inside the cluster (``ollama``, ``ollama.models.svc``,
    ``ollama-0.ollama.models.svc.cluster.local``) becomes its namespace: at any port when it comes from a URL, since a
    policy sees the pod's port and not the Service's. Any other name becomes every public address at that port;
    ``http://ollama.models`` becomes both. The pod itself needs no rule, and a name that is never public cannot have
    one.
    """
    rules: list[NetworkPolicyEgressRuleArgsDict] = []
    for destination in destinations:
        for rule in _rules(destination, own_namespace):
            if rule not in rules:
                rules.append(rule)
    return rules


def _rules(destination: Destination, own_namespace: str) -> list[NetworkPolicyEgressRuleArgsDict]:
    host, port = destination.host, destination.port
    if is_range(host):
        network = ipaddress.ip_network(host)
        return [] if network.is_loopback else [allow_to([addresses(str(network))], port)]
    if host == "localhost" or is_private_name(host):
        return []
    labels = host.split(".")
    # A policy sees the pod's port, which a URL of a Service does not name.
    pod_ports = () if destination.scheme else (port,)
    if inside := cluster_namespace(host):
        return [allow_to([namespace(inside)], *pod_ports)]
    if len(labels) == 1 and host != PUBLIC:
        return [allow_to([namespace(own_namespace)], *pod_ports)]
    rules = [allow_to(_public(), port)]
    if len(labels) == 2 and destination.scheme and destination.scheme not in TLS_SCHEMES:
        rules.append(allow_to([namespace(labels[1])]))
    return rules


def _public() -> list[NetworkPolicyPeerArgsDict]:
    return [addresses("0.0.0.0/0", PRIVATE_RANGES), addresses("::/0", PRIVATE_RANGES_6)]
