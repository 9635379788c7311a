"""The data of dashboards over the time of a test, for the pictures of docs/images/: `PANELS=directory` writes them.

E2E_ALL=1 PANELS=docs/data/dashboards .venv/bin/python -m pytest -s tests/e2e/test_dashboards.py
"""

import json
import os
import re
import time
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stack_config.files import ROOT
from tests.support.servers.prometheus import Prometheus

RECORDED_SECONDS = 240
STEP_SECONDS = 10
CLOUDNATIVE_PG_SAMPLES = ROOT / "tests" / "servers" / "cloudnative_pg_metrics"
"""A file for each instance of a cluster on the node: what it exported."""

_LABEL = re.compile(r"\{\{ *(\w+) *\}\}")


def recording() -> bool:
    """Whether this run is for the pictures."""
    return "PANELS" in os.environ


def record(server: Prometheus, name: str, dashboard: dict[str, Any], since: float) -> None:
    """Write what the panels of a dashboard show, if this run is for the pictures.

    Args:
        server: with the metrics.
        name: of the file, without its suffix.
        dashboard: as Grafana loads it.
        since: when its first value was measured, in seconds since the epoch.
    """
    if not recording():
        return
    panels = [_shown(server, panel, since) for panel in dashboard["panels"]]
    document = {"title": dashboard["title"], "measured": f"{datetime.now(UTC):%Y-%m-%d}", "panels": panels}
    file = Path(os.environ["PANELS"]) / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document, indent=1) + "\n")


def pass_time() -> None:
    """Wait until there is something to draw, if this run is for the pictures."""
    if recording():
        time.sleep(RECORDED_SECONDS)


def record_metrics(pod: Mapping[str, Any], port: int) -> None:
    """Write what an instance of CloudNativePG exports as a sample for tests without one, if this run is for the
    pictures."""
    if not recording():
        return
    url = f"http://{pod['status']['podIP']}:{port}/metrics"
    with urllib.request.urlopen(url, timeout=10) as answer:
        lines = answer.read().decode().splitlines(keepends=True)
    CLOUDNATIVE_PG_SAMPLES.mkdir(exist_ok=True)
    file = CLOUDNATIVE_PG_SAMPLES / f"{pod['metadata']['name']}.txt"
    # Without the Go runtime of the exporter, and without explanations.
    file.write_text("".join(line for line in lines if line.startswith("cnpg_")))


def _shown(server: Prometheus, panel: dict[str, Any], since: float) -> dict[str, Any]:
    unit = panel.get("fieldConfig", {}).get("defaults", {}).get("unit", "")
    series = [
        {"legend": _legend(target.get("legendFormat", ""), each["metric"]), "points": _points(each["values"], since)}
        for target in panel.get("targets", [])
        for each in server.query_range(target["expr"], since, time.time(), STEP_SECONDS)
    ]
    return {"title": panel["title"], "type": panel["type"], "unit": unit, "series": series}


def _legend(text: str, labels: dict[str, str]) -> str:
    return _LABEL.sub(lambda match: labels.get(match[1], ""), text)


def _points(values: list[tuple[float, str]], since: float) -> list[tuple[float, float]]:
    """Seconds after the beginning, and the value; Prometheus writes numbers as text."""
    # JSON has no NaN: a gap.
    return [(round(at - since, 1), float(f"{float(value):.6g}")) for at, value in values if value != "NaN"]
