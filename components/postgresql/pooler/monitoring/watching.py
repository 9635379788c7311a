"""Objects for the Prometheus operator and Grafana: metrics, alerts and dashboard of PgBouncer."""

from ....blocks.children import Children
from ....blocks.watching import Watched, Watching
from ....blocks.watching import watch as watch_server
from ..names import DASHBOARD, METRICS_SERVICE, POOLER
from .alerts import dashboard, prometheus_rules
from .exporter import EXPORTER_PORT


def watch(children: Children, watching: Watching, namespace: str) -> None:
    """Create the Service of the exporters, a ServiceMonitor, a PrometheusRule and the dashboard's ConfigMap.

    Args:
        children: creates the objects of PgBouncer.
        watching: how the operator watches.
        namespace: the namespace's name, which the alerts and the dashboard are limited to.
    """
    watch_server(
        children,
        watching,
        Watched(
            app=POOLER,
            metrics_service=METRICS_SERVICE,
            port=EXPORTER_PORT,
            rules=prometheus_rules(namespace),
            dashboard_name=DASHBOARD,
            dashboard_file="open-webui-stack-pooler.json",
            dashboard=dashboard(namespace),
        ),
    )
