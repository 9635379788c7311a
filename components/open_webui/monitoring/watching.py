"""Objects for the Prometheus operator and Grafana: alerts and dashboard of Open WebUI."""

from ...blocks.children import Children
from ...blocks.watching import Alerts, Watching, create_alerts, create_rules
from ..names import APP, DASHBOARD
from ..settings import OpenWebUISettings
from .alerts import dashboard, prometheus_rules


def watch(children: Children, watching: Watching, namespace: str, settings: OpenWebUISettings) -> None:
    """Create a PrometheusRule and, if the web pods send metrics, the dashboard's ConfigMap.

    Args:
        children: creates the objects.
        watching: how the operator watches.
        namespace: the namespace's name, which the alerts and the dashboard are limited to.
        settings: settings of Open WebUI.
    """
    pushes_metrics = "metrics" in settings.observability.otel.endpoints
    rules = prometheus_rules(namespace, pushes_metrics=pushes_metrics, migrate_seconds=settings.deadlines.migrate)
    if not pushes_metrics:
        create_rules(children, watching, APP, rules)
        return
    create_alerts(
        children,
        watching,
        Alerts(
            app=APP,
            rules=rules,
            dashboard_name=DASHBOARD,
            dashboard_file="open-webui-stack-open-webui.json",
            dashboard=dashboard(namespace),
        ),
    )
