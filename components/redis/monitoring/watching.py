"""What the Prometheus operator and Grafana are told about Redis: where the metrics are, the alerts, a dashboard."""

import json
from typing import Any

import pulumi_kubernetes as k8s

from ...blocks.children import SKIP_AWAIT, Children
from ...blocks.custom_kinds import PROMETHEUS_RULE, SERVICE_MONITOR, custom_object
from ..names import APP, DASHBOARD, METRICS_SERVICE
from ..topologies.base import ServerTopology
from .alerts import dashboard, prometheus_rules
from .exporter import EXPORTER_PORT

SCRAPE_SECONDS = 30
# A label of its own: the monitor selects this Service and not the one that speaks the protocol of Redis.
_COMPONENT = {"app.kubernetes.io/component": "metrics"}


def watch(children: Children, layout: ServerTopology, namespace: str) -> None:
    """Create the Service of the exporters, a ServiceMonitor, a PrometheusRule and the dashboard's ConfigMap.

    Args:
        children: creates the objects.
        layout: chooses the alerts.
        namespace: the namespace's name, which the alerts and the dashboard are limited to.
    """
    _metrics_service(children)
    monitor: dict[str, Any] = {
        "selector": {"matchLabels": {**children.labels.selector, **_COMPONENT}},
        "endpoints": [{"port": "metrics", "interval": f"{SCRAPE_SECONDS}s"}],
    }
    for name, kind, spec in (
        (f"{APP}-monitor", SERVICE_MONITOR, monitor),
        (f"{APP}-alerts", PROMETHEUS_RULE, prometheus_rules(layout, namespace)),
    ):
        custom_object(name, kind, metadata=children.metadata(APP), spec=spec, opts=children.options())
    k8s.core.v1.ConfigMap(
        DASHBOARD,
        metadata={**children.metadata(DASHBOARD), "labels": {**children.labels.metadata, "grafana_dashboard": "1"}},
        data={"open-webui-stack-redis.json": json.dumps(dashboard(namespace), indent=1)},
        opts=children.options(),
    )


def _metrics_service(children: Children) -> None:
    labels = {**children.labels.metadata, **_COMPONENT}
    k8s.core.v1.Service(
        METRICS_SERVICE,
        metadata={**children.metadata(METRICS_SERVICE, SKIP_AWAIT), "labels": labels},
        spec={
            "cluster_ip": "None",
            # Metrics of a pod that is not ready are needed most.
            "publish_not_ready_addresses": True,
            "selector": children.labels.selector,
            "ports": [{"name": "metrics", "port": EXPORTER_PORT, "target_port": "metrics", "protocol": "TCP"}],
        },
        opts=children.options(),
    )
