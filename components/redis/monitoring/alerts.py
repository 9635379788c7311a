"""The alerts and the dashboard of Redis in one stack. Placeholders: `blocks.alert_files`, and those of the topology."""

from pathlib import Path
from typing import Any

from ...blocks import alert_files
from ..topologies.base import ServerTopology

ALERTS = Path(__file__).with_name("alerts.yaml")
DASHBOARD = Path(__file__).with_name("dashboard.json")


def prometheus_rules(layout: ServerTopology, namespace: str) -> dict[str, Any]:
    """``spec`` of a PrometheusRule, which is also the content of a rule file.

    Args:
        layout: names the groups of ``alerts.yaml``.
        namespace: namespace of the stack.
    """
    return alert_files.prometheus_rules(
        ALERTS,
        name="open-webui-stack-redis",
        groups=layout.alert_groups,
        namespace=namespace,
        values=layout.alert_values,
    )


def dashboard(namespace: str) -> dict[str, Any]:
    """A dashboard of Grafana for the stack in the namespace."""
    return alert_files.dashboard(DASHBOARD, namespace)
