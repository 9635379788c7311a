"""Every alert leads to a section of the documentation that is about it."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.blocks.alert_files import RUNBOOK, with_runbook_urls
from stack_config.files import ROOT
from stack_config.load import ConfigError
from tests.support.unit.recording import run

FILES = sorted((ROOT / "components").rglob("alerts.yaml"))
OBSERVED = ("monitoring.enabled=true", "monitoring.operator=true")


def alerts(file: Path) -> list[dict[str, Any]]:
    groups = yaml.safe_load(file.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def anchors(page: Path) -> set[str]:
    """Anchors of the headings of one word, as those of alerts are."""
    return {heading.lower() for heading in re.findall(r"^#+ (\w+)$", page.read_text(), re.M)}


def test_every_component_with_alerts_is_here() -> None:
    assert {str(file.relative_to(ROOT / "components").parts[0]) for file in FILES} == {
        "open_webui",
        "postgresql",
        "redis",
    }
    assert all(alerts(file) for file in FILES)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT / "components").parent))
def test_every_alert_has_its_section(file: Path) -> None:
    for rule in alerts(file):
        page, _, anchor = rule["annotations"][RUNBOOK].partition("#")
        assert anchor == rule["alert"].lower()
        assert anchor in anchors(ROOT / page), f"{page} has no section {rule['alert']}"
        assert f"| {rule['alert']} |" in "".join(
            each.read_text() for each in (ROOT / page).parent.glob("monitoring*.md")
        )


@pytest.mark.parametrize(
    ("published", "url"),
    [
        ("https://docs.example.com/stack/", "https://docs.example.com/stack/operations/monitoring.html#postgresqldown"),
        (
            "https://github.com/example/stack/blob/main/docs",
            "https://github.com/example/stack/blob/main/docs/operations/monitoring.md#postgresqldown",
        ),
    ],
)
def test_the_link_leads_to_the_published_page(published: str, url: str) -> None:
    annotations = {RUNBOOK: "docs/operations/monitoring.md#postgresqldown"}
    rule = {"alert": "PostgreSQLDown", "annotations": annotations}
    [group] = with_runbook_urls({"groups": [{"name": "a", "rules": [rule]}]}, published)["groups"]
    assert group["rules"][0]["annotations"] == {**annotations, "runbook_url": url}


def test_every_deployed_alert_has_the_link() -> None:
    sets = (*OBSERVED, "monitoring.runbookUrl=https://docs.example.com")
    rules = [each for each in run("dev", sets).objects if each.kind == "PrometheusRule"]
    assert sorted(each.inputs["metadata"]["name"] for each in rules) == ["open-webui", "postgres", "redis"]
    deployed = [rule for each in rules for group in each.inputs["spec"]["groups"] for rule in group["rules"]]
    assert len(deployed) > 20
    assert all(
        rule["annotations"]["runbook_url"].startswith("https://docs.example.com/operations/") for rule in deployed
    )


def test_a_link_without_alerts_is_refused() -> None:
    with pytest.raises(ConfigError, match="runbookUrl without operator"):
        run("dev", ("monitoring.runbookUrl=https://docs.example.com",))


def test_alerts_on_requests_and_the_dashboard_need_metrics() -> None:
    without = run("dev", OBSERVED)
    endpoint = (
        "openWebui.observability.otel.metricsEndpoint=http://prometheus.monitoring.svc:9090/api/v1/otlp/v1/metrics"
    )
    with_metrics = run("dev", (*OBSERVED, endpoint))
    names = []
    for recording in (without, with_metrics):
        [rule] = [
            each for each in recording.objects if each.kind == "PrometheusRule" and each.name == "open-webui-alerts"
        ]
        names.append({each["alert"] for group in rule.inputs["spec"]["groups"] for each in group["rules"]})
        dashboards = [each for each in recording.objects if each.name == "open-webui-dashboard"]
        assert bool(dashboards) == (recording is with_metrics)
    assert names[1] - names[0] == {"OpenWebUIErrorsHigh", "OpenWebUISlow", "OpenWebUIMetricsAbsent"}
