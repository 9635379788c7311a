"""The alerts and the dashboard of one stack, from files that Prometheus and Grafana can read as they are.

The files contain placeholders: words in capitals that are valid in their place, so promtool can check the file and
Grafana can import it. This module replaces them in the text.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

NAMESPACE = "STACK_NAMESPACE"
"""Placeholder of the stack's namespace, to which every query is limited."""

RUNBOOK = "runbook"
"""Annotation with the page and the section of an alert: ``docs/operations/monitoring.md#postgresqldown``."""

# In the URLs of files on GitHub and GitLab.
_REPOSITORY_BROWSER = "/blob/"
# The longest identifier of a dashboard that Grafana accepts.
_LONGEST_UID = 40


def prometheus_rules(
    file: Path, *, name: str, groups: Iterable[str], namespace: str, values: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """``spec`` of a PrometheusRule, which has the format of a rule file.

    Args:
        file: a rule file of Prometheus.
        name: name of the one group of the result.
        groups: groups of the file that the stack needs.
        namespace: namespace of the stack.
        values: further placeholders.
    """
    read = yaml.safe_load(_filled(file, {NAMESPACE: namespace, **(values or {})}))["groups"]
    rules = {group["name"]: group["rules"] for group in read}
    return {"groups": [{"name": name, "rules": [rule for group in groups for rule in rules[group]]}]}


def with_runbook_urls(rules: Mapping[str, Any], published: str) -> dict[str, Any]:
    """The rules with the annotation ``runbook_url`` beside ``runbook``, which is a path in this repository.

    Args:
        rules: ``spec`` of a PrometheusRule.
        published: URL of the directory ``docs``, on a site or in a browser of repositories.
    """
    return {
        "groups": [
            {**group, "rules": [_with_runbook_url(rule, published) for rule in group["rules"]]}
            for group in rules["groups"]
        ]
    }


def _with_runbook_url(rule: Mapping[str, Any], published: str) -> dict[str, Any]:
    page = rule["annotations"][RUNBOOK].removeprefix("docs/")
    # A browser of repositories shows the source of a page, a site its HTML (mkdocs.yml).
    if _REPOSITORY_BROWSER not in published:
        page = page.replace(".md", ".html")
    return {**rule, "annotations": {**rule["annotations"], f"{RUNBOOK}_url": f"{published.rstrip('/')}/{page}"}}


def dashboard(file: Path, namespace: str) -> dict[str, Any]:
    """A dashboard of Grafana for the stack in the namespace.

    Args:
        file: the dashboard's model, as Grafana exports it.
        namespace: namespace of the stack.
    """
    filled: dict[str, Any] = json.loads(_filled(file, {NAMESPACE: namespace}))
    return {**filled, "uid": filled["uid"][:_LONGEST_UID]}


def _filled(file: Path, values: Mapping[str, str]) -> str:
    text = file.read_text()
    for placeholder, value in values.items():
        text = text.replace(placeholder, value)
    return text
