"""What Prometheus has to know about a deployed, healthy stack."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from host.waiting import attempts
from stackctl.deployed.stack import Stack
from tests.support.e2e.prometheus_pod import rule_groups
from tests.support.servers.prometheus import Prometheus

NOT_ON_THE_NODE = {
    '"kube_': "kube-state-metrics does not run on the node",
    '"kubelet_volume_stats_': "the metrics of the kubelet are not collected",
    '"open_webui_stack_drift_': "no job compares the stack with its state",
    '"redis_client_output_buffer_limit_': "the redis_exporter of Debian is older than that of the image",
}
"""Parts of selectors of alerts without series on each node, with the reason."""

_TARGETS_SECONDS = 90
_PANELS_SECONDS = 240
"""Rates need two scrapes, and monitors have one every 30 s."""

_QUIET_SECONDS = 180
_FILE = "open-webui-stack-{}.json"


def dashboards(stack: Stack) -> dict[str, dict[str, Any]]:
    """The deployed dashboards by the name of their server."""
    maps = stack.kubectl.get("configmaps", "-l", "grafana_dashboard=1")["items"]
    files = {file: text for each in maps for file, text in each["data"].items()}
    head, tail = _FILE.split("{}")
    return {file.removeprefix(head).removesuffix(tail): json.loads(text) for file, text in files.items()}


def every_target_is_scraped(server: Prometheus, expected: Mapping[str, int]) -> None:
    """Wait until each job has that many targets, and all of them answer."""
    expected_health = {job: ["up"] * count for job, count in expected.items()}
    for _ in attempts(seconds=_TARGETS_SECONDS, every=2):
        targets = server.targets()
        if targets == expected_health:
            return
    raise AssertionError(f"{targets}, expected {expected_health}: {server.scrape_errors()}")


def every_panel_returns_data(
    server: Prometheus, models: Mapping[str, dict[str, Any]], without: Mapping[tuple[str, str], str]
) -> None:
    """Wait until every query of the dashboards returns a number, but those of some panels.

    Args:
        server: with the metrics.
        models: dashboards by the name of their server.
        without: panels without data, by server and title, with the reason. One that has data fails as well.
    """
    missing: set[tuple[str, str]] = set()
    for _ in attempts(seconds=_PANELS_SECONDS, every=3):
        queries = [(name, query) for name, model in models.items() for query in server.without_data(model)]
        missing = {(name, query.partition(": ")[0]) for name, query in queries}
        if missing == without.keys():
            return
    empty, full = missing - without.keys(), without.keys() - missing
    raise AssertionError(f"no data: {sorted(empty)}; data after all: {sorted(full)}; {server.scrape_errors()}")


def every_alert_has_its_metrics(server: Prometheus, stack: Stack, without: Mapping[str, str]) -> None:
    """Each selector of series in the deployed alerts selects some: with a wrong label an alert would never fire.

    Args:
        server: with the metrics.
        stack: with the rules.
        without: parts of selectors without series, each with the reason. One of which all have series fails as well.
    """
    rules = [rule for group in rule_groups(stack) for rule in group["rules"]]
    selectors = set().union(*(server.selectors(rule["expr"]) for rule in rules))
    empty = {selector for selector in selectors if not server.query(f"count({selector})")}
    unexplained = sorted(each for each in empty if not _parts(each, without))
    assert unexplained == []
    assert without.keys() - {part for each in empty for part in _parts(each, without)} == set()


def no_alert_is_active(server: Prometheus, stack: Stack) -> None:
    """Every deployed alert is evaluated without an error, none fires, and none goes on for long without firing yet."""
    deployed = sorted(rule["alert"] for group in rule_groups(stack) for rule in group["rules"])
    rules: list[dict[str, Any]] = []
    for _ in attempts(seconds=_QUIET_SECONDS, every=3):
        rules = server.rules()
        if {rule["health"] for rule in rules} == {"ok"} and {rule["state"] for rule in rules} == {"inactive"}:
            break
    assert sorted(rule["name"] for rule in rules) == deployed
    assert [(rule["name"], rule.get("lastError")) for rule in rules if rule["health"] != "ok"] == []
    assert [(rule["name"], rule["alerts"]) for rule in rules if rule["state"] != "inactive"] == []
    assert server.query('count_over_time(ALERTS{alertstate="firing"}[1h])') == []


def _parts(selector: str, parts: Collection[str]) -> list[str]:
    return [part for part in parts if part in selector]
