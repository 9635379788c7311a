"""Objects for the Prometheus operator and Grafana: the endpoints of a server's metrics, the alerts, a dashboard."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi_kubernetes as k8s

from .alert_files import with_runbook_urls
from .children import SKIP_AWAIT, Children
from .custom_kinds import PROMETHEUS_RULE, SERVICE_MONITOR, custom_object
from .exporter import METRICS

SCRAPE_SECONDS = 30
# A separate label, so that the monitor selects this Service and not the Service of the server itself.
_COMPONENT = {"app.kubernetes.io/component": "metrics"}


@dataclass(frozen=True, kw_only=True)
class Watching:
    """The Prometheus operator watches a component."""

    runbooks: str | None
    """URL under which the documentation is published. None: the alerts have no link to their runbook."""


@dataclass(frozen=True, kw_only=True)
class Alerts:
    """Alerts and dashboard for the metrics of one server."""

    app: str
    """Its application: name of the PrometheusRule."""

    rules: Mapping[str, Any]
    """``spec`` of the PrometheusRule."""

    dashboard_name: str
    """Name of the ConfigMap."""

    dashboard_file: str
    """Name of the file in the ConfigMap. All dashboards of a Grafana are in one directory."""

    dashboard: Mapping[str, Any]
    """Model of the dashboard."""


@dataclass(frozen=True, kw_only=True)
class Watched(Alerts):
    """The same for a server with an exporter of the stack. Its ServiceMonitor also has the name of the application."""

    metrics_service: str
    """Name of the headless Service of its exporters."""

    port: int
    """Port of the exporters."""


def watch(children: Children, watching: Watching, watched: Watched) -> None:
    """Create the Service of the exporters, a ServiceMonitor, a PrometheusRule and the dashboard's ConfigMap."""
    _metrics_service(children, watched)
    monitor: dict[str, Any] = {
        "selector": {"matchLabels": {**children.labels.selector, **_COMPONENT}},
        "endpoints": [{"port": METRICS, "interval": f"{SCRAPE_SECONDS}s"}],
    }
    metadata = children.metadata(watched.app)
    custom_object(f"{watched.app}-monitor", SERVICE_MONITOR, metadata=metadata, spec=monitor, opts=children.options())
    create_alerts(children, watching, watched)


def create_alerts(children: Children, watching: Watching, alerts: Alerts) -> None:
    """Create a PrometheusRule and the dashboard's ConfigMap."""
    create_rules(children, watching, alerts.app, alerts.rules)
    name = alerts.dashboard_name
    k8s.core.v1.ConfigMap(
        name,
        metadata={**children.metadata(name), "labels": {**children.labels.metadata, "grafana_dashboard": "1"}},
        data={alerts.dashboard_file: json.dumps(alerts.dashboard, indent=1)},
        opts=children.options(),
    )


def create_rules(children: Children, watching: Watching, app: str, rules: Mapping[str, Any]) -> None:
    """Create a PrometheusRule.

    Args:
        children: creates it.
        watching: how the operator watches.
        app: its application, which is its name.
        rules: its ``spec``.
    """
    spec = with_runbook_urls(rules, watching.runbooks) if watching.runbooks else rules
    custom_object(f"{app}-alerts", PROMETHEUS_RULE, metadata=children.metadata(app), spec=spec, opts=children.options())


def _metrics_service(children: Children, watched: Watched) -> None:
    labels = {**children.labels.metadata, **_COMPONENT}
    k8s.core.v1.Service(
        watched.metrics_service,
        metadata={**children.metadata(watched.metrics_service, SKIP_AWAIT), "labels": labels},
        spec={
            "cluster_ip": "None",
            # Metrics are most important while a pod is not ready.
            "publish_not_ready_addresses": True,
            "selector": children.labels.selector,
            "ports": [{"name": METRICS, "port": watched.port, "target_port": METRICS, "protocol": "TCP"}],
        },
        opts=children.options(),
    )
