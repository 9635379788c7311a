"""Which connections the web pods need to the services that the settings name."""

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from pulumi_kubernetes.networking.v1 import NetworkPolicyEgressRuleArgsDict, NetworkPolicyPeerArgsDict

from .network_policy import allow_to, namespace

# A policy cannot name a host. A public name may have any public address; the private ranges stay closed, so that a web
# pod cannot reach the rest of the cluster or the cloud's metadata service by it.
PRIVATE_RANGES = ["10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"]
# The same of IPv6; the cloud's metadata service is at an address of fc00::/7 there. What NAT64 leads to is public:
# https://www.rfc-editor.org/rfc/rfc6052#section-3.1
PRIVATE_RANGES_6 = ["::1/128", "fc00::/7", "fe80::/10"]
_DEFAULT_PORTS = {"http": 80, "https": 443}


def egress_to(urls: Iterable[str], own_namespace: str) -> list[NetworkPolicyEgressRuleArgsDict]:
    """Egress rules for the services at these URLs, without repetition.

    An address becomes that address and port; a name inside the cluster (``ollama``, ``ollama.models.svc``,
    ``ollama.models.svc.cluster.local``) its namespace, at any port since a policy sees the pod's port and not the
    Service's; any other name every public address at that port.
    """
    rules: list[NetworkPolicyEgressRuleArgsDict] = []
    for url in urls:
        rule = _rule(url, own_namespace)
        if rule not in rules:
            rules.append(rule)
    return rules


def _rule(url: str, own_namespace: str) -> NetworkPolicyEgressRuleArgsDict:
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or _DEFAULT_PORTS[parts.scheme]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return allow_to([{"ip_block": {"cidr": f"{address}/{address.max_prefixlen}"}}], port)
    service = host.removesuffix(".").removesuffix(".cluster.local")
    if "." not in service:
        return allow_to([namespace(own_namespace)])
    if service.endswith(".svc"):
        return allow_to([namespace(service.split(".")[1])])
    anywhere: list[NetworkPolicyPeerArgsDict] = [
        {"ip_block": {"cidr": "0.0.0.0/0", "except_": PRIVATE_RANGES}},
        {"ip_block": {"cidr": "::/0", "except_": PRIVATE_RANGES_6}},
    ]
    return allow_to(anywhere, port)
