"""The alerts and the dashboard of PgBouncer in one stack. ``alerts.yaml`` names its placeholders."""

from pathlib import Path
from typing import Any

from ....blocks import alert_files

ALERTS = Path(__file__).with_name("alerts.yaml")
DASHBOARD = Path(__file__).with_name("dashboard.json")


def prometheus_rules(namespace: str) -> dict[str, Any]:
    """``spec`` of a PrometheusRule, which is also the content of a rule file.

    Args:
        namespace: namespace of the stack.
    """
    return alert_files.prometheus_rules(
        ALERTS, name="open-webui-stack-pooler", groups=("postgresql-pooler",), namespace=namespace
    )


def dashboard(namespace: str) -> dict[str, Any]:
    """A dashboard of Grafana for the stack in the namespace."""
    return alert_files.dashboard(DASHBOARD, namespace)
