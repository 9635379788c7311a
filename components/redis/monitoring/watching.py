"""What the Prometheus operator and Grafana are told about Redis."""

from ...blocks.children import Children
from ...blocks.watching import Watched
from ...blocks.watching import watch as watch_server
from ..names import APP, DASHBOARD, METRICS_SERVICE
from ..topologies.base import ServerTopology
from .alerts import dashboard, prometheus_rules
from .exporter import EXPORTER_PORT


def watch(children: Children, layout: ServerTopology, namespace: str) -> None:
    """Create the Service of the exporters, a ServiceMonitor, a PrometheusRule and the dashboard's ConfigMap.

    Args:
        children: creates the objects.
        layout: chooses the alerts.
        namespace: the namespace's name, which the alerts and the dashboard are limited to.
    """
    watch_server(
        children,
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
