"""Which objects a label selector selects: one function for the policies, the gate, adoption and the node's firewall."""

import ast
from typing import Any

import pytest

from policy.rules.selectors import selects, selects_exactly
from stack_config.files import ROOT
from tests.support.unit.documentation import SOURCES

LABELS = {"app": "web", "tier": "front"}


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ({}, True),
        ({"matchLabels": {}}, True),
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"app": "web", "tier": "back"}}, False),
        ({"matchLabels": {"zone": "a"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "api"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["api"]}]}, False),
        ({"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}, False),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}, False),
        ({"matchExpressions": [{"key": "zone", "operator": "NotIn", "values": ["a"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "zone", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, False),
        ({"matchExpressions": [{"key": "zone", "operator": "DoesNotExist"}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "Near"}]}, False),
        ({"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, False),
    ],
    ids=str,
)
def test_a_selector_means_what_kubernetes_says(selector: dict[str, Any], selected: bool) -> None:
    assert selects(selector, LABELS) is selected


def test_the_selector_of_a_service_has_labels_alone() -> None:
    assert selects_exactly({"app": "web"}, LABELS)
    assert not selects_exactly({"app": "web", "zone": "a"}, LABELS)


def test_only_one_module_knows_the_operators_of_a_selector() -> None:
    modules = [
        str(source.relative_to(ROOT))
        for source in SOURCES
        if source.suffix == ".py"
        and source.relative_to(ROOT).parts[0] != "tests"
        and any(
            isinstance(node, ast.Constant) and node.value == "DoesNotExist"
            for node in ast.walk(ast.parse(source.read_text()))
        )
    ]
    assert modules == ["policy/rules/selectors.py"]
