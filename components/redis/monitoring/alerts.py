"""The alerts and the dashboard of one stack, from the files that Prometheus and Grafana can read as they are.

``alerts.yaml`` and ``dashboard.json`` have placeholders: words in capitals that are valid where they stand, so that
promtool checks the file and Grafana imports it. They are replaced in the text.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ..topologies.base import ServerTopology

ALERTS = Path(__file__).with_name("alerts.yaml")
DASHBOARD = Path(__file__).with_name("dashboard.json")
# Grafana accepts no longer identifier of a dashboard.
_LONGEST_UID = 40


def prometheus_rules(layout: ServerTopology, namespace: str) -> dict[str, Any]:
    """``spec`` of a PrometheusRule, which is also the content of a rule file.

    Args:
        layout: names the groups of ``alerts.yaml``.
        namespace: namespace of the stack.
    """
    groups = yaml.safe_load(_filled(ALERTS, {"STACK_NAMESPACE": namespace, **layout.alert_values}))["groups"]
    rules = {group["name"]: group["rules"] for group in groups}
    chosen = [rule for name in layout.alert_groups for rule in rules[name]]
    return {"groups": [{"name": "open-webui-stack-redis", "rules": chosen}]}


def dashboard(namespace: str) -> dict[str, Any]:
    """A dashboard of Grafana for the stack in the namespace."""
    filled: dict[str, Any] = json.loads(_filled(DASHBOARD, {"STACK_NAMESPACE": namespace}))
    return {**filled, "uid": filled["uid"][:_LONGEST_UID]}


def _filled(file: Path, values: Mapping[str, str]) -> str:
    text = file.read_text()
    for placeholder, value in values.items():
        text = text.replace(placeholder, value)
    return text
