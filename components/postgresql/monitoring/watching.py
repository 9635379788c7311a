"""Objects for the Prometheus operator and Grafana: metrics, alerts and dashboard of PostgreSQL."""

from ...blocks.children import Children
from ...blocks.watching import Watched, Watching
from ...blocks.watching import watch as watch_server
from ..names import APP, DASHBOARD, METRICS_SERVICE
from .alerts import WatchedBackups, dashboard, prometheus_rules
from .exporter import EXPORTER_PORT


def watch(
    children: Children,
    watching: Watching,
    namespace: str,
    *,
    volume_size: str,
    backups: WatchedBackups | None,
    oldest_base_backup: int | None,
) -> None:
    """Create the Service of the exporter, a ServiceMonitor, a PrometheusRule and the dashboard's ConfigMap.

    Args:
        children: creates the objects.
        watching: how the operator watches.
        namespace: the namespace's name, which the alerts and the dashboard are limited to.
        volume_size: size of the database's volume, a quantity.
        backups: what is expected of the backups; None for none.
        oldest_base_backup: seconds after which the newest base backup is too old; None without an archive.
    """
    rules = prometheus_rules(namespace, volume_size=volume_size, backups=backups, oldest_base_backup=oldest_base_backup)
    watch_server(
        children,
        watching,
        Watched(
            app=APP,
            metrics_service=METRICS_SERVICE,
            port=EXPORTER_PORT,
            rules=rules,
            dashboard_name=DASHBOARD,
            dashboard_file="open-webui-stack-postgresql.json",
            dashboard=dashboard(namespace),
        ),
    )
