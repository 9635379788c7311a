"""The Ingress, and the peers that may connect to the web pods: the controller's pods, or addresses."""

from collections.abc import Sequence

import pulumi_kubernetes as k8s
from pulumi_kubernetes.networking.v1 import IngressRuleArgsDict, NetworkPolicyPeerArgsDict

from ..blocks.children import Children
from ..blocks.network_policy import addresses, namespace, namespaces
from .ingress_settings import IngressSettings


def ingress(
    children: Children,
    name: str,
    *,
    settings: IngressSettings,
    hosts: Sequence[str],
    service: str,
    port_name: str,
) -> k8s.networking.v1.Ingress:
    """Route every path of the hosts to the Service."""
    return k8s.networking.v1.Ingress(
        name,
        metadata=children.metadata(name, {**_annotations(settings), **settings.annotations}),
        spec={
            **({"ingress_class_name": settings.class_name} if settings.class_name else {}),
            "rules": [_rule(host, service, port_name) for host in hosts],
            **(
                {"tls": [{"hosts": list(hosts), "secret_name": settings.tls_secret_name}]}
                if settings.tls_secret_name
                else {}
            ),
        },
        opts=children.options(),
    )


def clients(settings: IngressSettings) -> list[NetworkPolicyPeerArgsDict]:
    """The peers of the network policy that may connect to the web pods."""
    peers: list[NetworkPolicyPeerArgsDict] = []
    if name := settings.namespace:
        peers.append(namespace(name, settings.controller_labels))
    elif labels := settings.peers.namespace_labels:
        peers.append(namespaces(labels))
    return [*peers, *(addresses(cidr) for cidr in dict.fromkeys([*settings.peers.cidrs, *settings.allowed_cidrs]))]


def service_annotations(settings: IngressSettings) -> dict[str, str]:
    """Annotations of the Service behind the Ingress, for controllers that read their cookie there."""
    if not (settings.enabled and settings.sticky_sessions):
        return {}
    return dict(settings.peers.sticky_service_annotations)


def _rule(host: str, service: str, port_name: str) -> IngressRuleArgsDict:
    return {
        "host": host,
        "http": {
            "paths": [
                {
                    "path": "/",
                    "path_type": "Prefix",
                    "backend": {"service": {"name": service, "port": {"name": port_name}}},
                }
            ]
        },
    }


def _annotations(settings: IngressSettings) -> dict[str, str]:
    annotations = dict(settings.peers.annotations)
    if settings.sticky_sessions:
        annotations |= settings.peers.sticky_annotations
    if not settings.wait_for_address:
        # Without a controller the address stays empty, and `pulumi up` would wait ten minutes and fail.
        annotations["pulumi.com/skipAwait"] = "true"
    return annotations
