"""Objects for the Prometheus operator and Grafana, and the additional queries of the exporters."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from ....blocks.children import Children
from ....blocks.custom_kinds import POD_MONITOR, custom_object
from ....blocks.watching import SCRAPE_SECONDS, Alerts, Watching, create_alerts
from ...monitoring.alerts import WatchedBackups
from ...names import APP, DASHBOARD
from ...pooler.names import POOLER
from ...settings import PostgreSQLSettings
from ..names import CLUSTER, INSTANCES, METRICS, OF_POOLER, QUERIES, QUERIES_KEY, RELOAD
from .alerts import dashboard, prometheus_rules


def watch(
    children: Children,
    watching: Watching,
    namespace: str,
    settings: PostgreSQLSettings,
    backups: WatchedBackups | None,
) -> None:
    """Create a PodMonitor for the instances and one for PgBouncer, a PrometheusRule and the dashboard's ConfigMap.

    Args:
        children: creates the objects.
        watching: how the operator watches.
        namespace: the namespace's name, which the alerts and the dashboard are limited to.
        settings: settings of PostgreSQL.
        backups: what is expected of the dumps; None for none.
    """
    watched = {CLUSTER: INSTANCES}
    if settings.pooler.enabled:
        watched[POOLER] = OF_POOLER
    for name, labels in watched.items():
        custom_object(
            f"{name}-pods",
            POD_MONITOR,
            metadata=children.metadata(name),
            spec=_pod_monitor_spec(labels),
            opts=children.options(),
        )
    create_alerts(
        children,
        watching,
        Alerts(
            app=APP,
            rules=prometheus_rules(namespace, settings, backups),
            dashboard_name=DASHBOARD,
            dashboard_file="open-webui-stack-postgresql.json",
            dashboard=dashboard(namespace),
        ),
    )


def queries(children: Children) -> pulumi.Resource:
    """The ConfigMap with the queries that the operator's own lack. The instances follow a change of it at once."""
    return k8s.core.v1.ConfigMap(
        QUERIES,
        metadata={**children.metadata(QUERIES), "labels": {**children.labels.metadata, **RELOAD}},
        data={QUERIES_KEY: Path(__file__).with_name(QUERIES_KEY).read_text()},
        opts=children.options(),
    )


def _pod_monitor_spec(labels: Mapping[str, str]) -> dict[str, Any]:
    return {
        "selector": {"matchLabels": dict(labels)},
        "podMetricsEndpoints": [{"port": METRICS, "interval": f"{SCRAPE_SECONDS}s"}],
    }
