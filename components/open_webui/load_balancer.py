"""The Service of type LoadBalancer, beside the one inside the cluster, which stays as it is."""

import pulumi_kubernetes as k8s

from ..blocks.children import SKIP_AWAIT, Children
from .load_balancer_settings import LoadBalancerSettings

PUBLISHED = {"open-webui-stack/allow-exposure": "openWebui.loadBalancer"}
"""Annotation that allows the Service in the policy pack (`policy/rules/network.py`). Its value names the config key."""


def load_balancer(
    children: Children, name: str, *, settings: LoadBalancerSettings, port: int, port_name: str
) -> k8s.core.v1.Service:
    """Publish the web pods at the address of a load balancer.

    Args:
        children: what creates the object.
        name: its name.
        settings: validated settings.
        port: port of the public URL.
        port_name: name of the port of the pods.
    """
    return k8s.core.v1.Service(
        name,
        metadata=children.metadata(
            name, {**PUBLISHED, **({} if settings.wait_for_address else SKIP_AWAIT), **settings.annotations}
        ),
        spec={
            "type": "LoadBalancer",
            "selector": children.labels.selector,
            "ports": [{"name": port_name, "port": settings.port or port, "target_port": port_name, "protocol": "TCP"}],
            "load_balancer_source_ranges": settings.source_ranges,
            "external_traffic_policy": settings.external_traffic_policy,
            **({"load_balancer_class": settings.class_name} if settings.class_name else {}),
        },
        # The API server refuses another class: https://kubernetes.io/docs/concepts/services-networking/service/#load-balancer-class
        opts=children.options(replace_on_changes=["spec.loadBalancerClass"], delete_before_replace=True),
    )
