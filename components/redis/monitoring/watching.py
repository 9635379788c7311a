"""What the Prometheus operator and Grafana are told about Redis: where the metrics are, the alerts, a dashboard."""

import json

import pulumi
import pulumi_kubernetes as k8s
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict

from ...blocks.children import child_options
from ...blocks.custom_kinds import PROMETHEUS_RULE, SERVICE_MONITOR, custom_object
from ...blocks.labels import Labels
from ..topologies.base import ServerTopology
from .alerts import dashboard, prometheus_rules
from .exporter import EXPORTER_PORT

METRICS_SERVICE = "redis-metrics"
SCRAPE_SECONDS = 30


def watch(
    parent: pulumi.ComponentResource,
    metadata: ObjectMetaArgsDict,
    labels: Labels,
    layout: ServerTopology,
    namespace: str,
) -> None:
    """Create the Service of the exporters, a ServiceMonitor, a PrometheusRule and the dashboard's ConfigMap.

    Args:
        parent: component that they belong to.
        metadata: namespace and labels of the objects.
        labels: labels of the pods.
        layout: chooses the alerts.
        namespace: the namespace's name, which the alerts and the dashboard are limited to.
    """
    _metrics_service(parent, metadata, labels)
    _service_monitor(parent, metadata, labels)
    custom_object(
        "redis-alerts",
        PROMETHEUS_RULE,
        metadata={**metadata, "name": "redis"},
        spec=prometheus_rules(layout, namespace),
        opts=child_options(parent),
    )
    k8s.core.v1.ConfigMap(
        "redis-dashboard",
        metadata={**metadata, "name": "redis-dashboard", "labels": {**labels.metadata, "grafana_dashboard": "1"}},
        data={"open-webui-stack-redis.json": json.dumps(dashboard(namespace), indent=1)},
        opts=child_options(parent),
    )


# A label of its own: the monitor selects this Service and not the one that speaks the protocol of Redis.
_COMPONENT = {"app.kubernetes.io/component": "metrics"}


def _metrics_service(parent: pulumi.ComponentResource, metadata: ObjectMetaArgsDict, labels: Labels) -> None:
    k8s.core.v1.Service(
        METRICS_SERVICE,
        metadata={
            **metadata,
            "name": METRICS_SERVICE,
            "labels": {**labels.metadata, **_COMPONENT},
            "annotations": {"pulumi.com/skipAwait": "true"},
        },
        spec={
            "cluster_ip": "None",
            # Of a pod that is not ready one wants to know more, not less.
            "publish_not_ready_addresses": True,
            "selector": labels.selector,
            "ports": [{"name": "metrics", "port": EXPORTER_PORT, "target_port": "metrics", "protocol": "TCP"}],
        },
        opts=child_options(parent),
    )


def _service_monitor(parent: pulumi.ComponentResource, metadata: ObjectMetaArgsDict, labels: Labels) -> None:
    custom_object(
        "redis-monitor",
        SERVICE_MONITOR,
        metadata={**metadata, "name": "redis"},
        spec={
            "selector": {"matchLabels": {**labels.selector, **_COMPONENT}},
            "endpoints": [{"port": "metrics", "interval": f"{SCRAPE_SECONDS}s"}],
        },
        opts=child_options(parent),
    )
