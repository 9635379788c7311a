"""Objects for the Prometheus operator and Grafana: metrics, alerts and dashboard of Redis."""

from ...blocks.children import Children
from ...blocks.watching import Watched, Watching
from ...blocks.watching import watch as watch_server
from ..names import APP, DASHBOARD, METRICS_SERVICE
from ..topologies.base import ServerTopology
from .alerts import dashboard, prometheus_rules
from .exporter import EXPORTER_PORT


def watch(children: Children, watching: Watching, layout: ServerTopology, namespace: str) -> None:
    """Create the Service of the exporters, a ServiceMonitor, a PrometheusRule and the dashboard's ConfigMap.

    Args:
        children: creates the objects.
        watching: how the operator watches.
        layout: the topology, which selects the alerts.
        namespace: name of the namespace, to which the alerts and the dashboard are limited.
    """
    watch_server(
        children,
        watching,
        Watched(
            app=APP,
            metrics_service=METRICS_SERVICE,
            port=EXPORTER_PORT,
            rules=prometheus_rules(layout, namespace),
            dashboard_name=DASHBOARD,
            dashboard_file="open-webui-stack-redis.json",
            dashboard=dashboard(namespace),
        ),
    )
