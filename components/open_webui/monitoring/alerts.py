"""The alerts and the dashboard of Open WebUI in one stack. ``alerts.yaml`` names its placeholders."""

from pathlib import Path
from typing import Any

from ...blocks import alert_files
from ..names import APP

ALERTS = Path(__file__).with_name("alerts.yaml")
DASHBOARD = Path(__file__).with_name("dashboard.json")


def prometheus_rules(namespace: str, *, pushes_metrics: bool, migrate_seconds: int) -> dict[str, Any]:
    """``spec`` of a PrometheusRule, which is also the content of a rule file.

    Args:
        namespace: namespace of the stack.
        pushes_metrics: whether the web pods send metrics.
        migrate_seconds: the longest run of the container that migrates.
    """
    groups = (APP,) if pushes_metrics else ()
    return alert_files.prometheus_rules(
        ALERTS,
        name="open-webui-stack-open-webui",
        groups=(*groups, f"{APP}-pods", "drift"),
        namespace=namespace,
        values={"for: 30m": f"for: {migrate_seconds}s"},
    )


def dashboard(namespace: str) -> dict[str, Any]:
    """A dashboard of Grafana for the stack in the namespace."""
    return alert_files.dashboard(DASHBOARD, namespace)
