"""The HorizontalPodAutoscaler of the web pods."""

from typing import TYPE_CHECKING

import pulumi_kubernetes as k8s

from ..blocks.children import Children
from .settings import AutoscalingSettings

if TYPE_CHECKING:
    # Most stacks have no autoscaler, and the module takes a while to import.
    from pulumi_kubernetes.autoscaling.v2 import MetricTargetArgsDict


def autoscaler(children: Children, name: str, settings: AutoscalingSettings) -> None:
    """Create the autoscaler.

    Args:
        children: creates it.
        name: its name, and that of the Deployment.
        settings: replicas and CPU use.
    """
    k8s.autoscaling.v2.HorizontalPodAutoscaler(
        name,
        metadata=children.metadata(name),
        spec={
            "scale_target_ref": {"api_version": "apps/v1", "kind": "Deployment", "name": name},
            "min_replicas": settings.min_replicas,
            "max_replicas": settings.max_replicas,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": _utilization(settings)}}],
            # Every pod that ends drops its websockets, so the autoscaler removes one pod a minute, after five minutes
            # of low load.
            "behavior": {
                "scale_down": {
                    "stabilization_window_seconds": 300,
                    "policies": [{"type": "Pods", "value": 1, "period_seconds": 60}],
                }
            },
        },
        opts=children.options(),
    )


def _utilization(settings: AutoscalingSettings) -> "MetricTargetArgsDict":
    return {"type": "Utilization", "average_utilization": settings.target_cpu_percent}
