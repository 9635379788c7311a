"""Services: the stable name and address of an application."""

from collections.abc import Mapping

import pulumi_kubernetes as k8s
from pulumi import Input, ResourceOptions

from .labels import Labels


def service(
    name: str,
    *,
    in_namespace: Input[str],
    labels: Labels,
    port_name: str,
    port: int,
    annotations: Mapping[str, str] | None = None,
    headless: bool = False,
    single_server: bool = False,
    opts: ResourceOptions,
) -> k8s.core.v1.Service:
    """A ClusterIP Service at ``port`` for the container port named ``port_name``.

    A ``headless`` Service has no address: its name resolves to the pods. Pulumi does not wait for a Service: the wait
    takes ten seconds, and the wait for the workload already checks that the endpoints are ready
    (docs/decisions/0005-services-are-not-awaited.md).

    A ``single_server`` has no other pod to which connections could go: it takes them as soon as it listens. Otherwise
    clients wait for its probes as well after a restart.
    """
    return k8s.core.v1.Service(
        name,
        metadata={
            "name": name,
            "namespace": in_namespace,
            "labels": labels.metadata,
            "annotations": {"pulumi.com/skipAwait": "true", **(annotations or {})},
        },
        spec={
            "type": "ClusterIP",
            **({"cluster_ip": "None"} if headless else {}),
            **({"publish_not_ready_addresses": True} if single_server else {}),
            "selector": labels.selector,
            "ports": [{"name": port_name, "port": port, "target_port": port_name, "protocol": "TCP"}],
        },
        opts=opts,
    )
