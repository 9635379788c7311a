"""`schema/policies.json`: the policies for readers that run no Python."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from policy.rules import PRODUCTION, RULES
from policy.rules.objects import Object
from policy.rules.production import PROTECTION
from policy.rules.rule import Context, Level, ObjectRule, StackRule, Violation
from stack_config.files import ROOT
from stack_config.policy_data import POLICIES_FILE

# That the file is current: test_config_keys.py.
PACK: dict[str, Any] = json.loads((ROOT / POLICIES_FILE).read_text())
POLICIES: dict[str, dict[str, Any]] = {each["name"]: each for each in PACK["policies"]}


def test_every_policy_is_in_the_file_with_its_level_and_its_remedy() -> None:
    definitions = (*RULES, PROTECTION)
    assert list(POLICIES) == [each.name for each in definitions]
    for each in definitions:
        shown = POLICIES[each.name]
        assert (shown["enforcementLevel"], shown["remediationSteps"]) == (each.level.value, each.remedy)
    assert {each["enforcementLevel"] for each in POLICIES.values()} == set(Level)
    assert [name for name, each in POLICIES.items() if each["needsEngine"]] == [PROTECTION.name]


def test_the_policies_of_production_can_be_configured_and_no_others() -> None:
    configured = {name: each["configSchema"] for name, each in POLICIES.items() if each["configSchema"]}
    assert set(configured) == {name for name in POLICIES if name.startswith("production-")}
    for schema in configured.values():
        assert schema["properties"]["production"]["default"] == sorted(PRODUCTION)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_only_rules_of_production_depend_on_it(rule: ObjectRule | StackRule) -> None:
    """A Deployment that violates every rule about pods: in production it violates the same and those of production."""
    template = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "a"}]}}
    item = {"kind": "Deployment", "metadata": {"name": "a", "namespace": "n"}, "spec": {"template": template}}
    outside, inside = (
        [violation.message for violation in rule.violations([item], Context(production=production))]
        for production in (False, True)
    )
    assert (outside != inside) is rule.of_production


def test_a_rule_gets_objects_of_its_kinds_alone() -> None:
    objects: list[dict[str, Any]] = [{"kind": kind} for kind in ("Service", "Pod", "Secret")]

    def one(item: Object, _context: Context) -> Iterator[str]:
        yield item["kind"]

    def all_of_them(items: Any, _context: Context) -> Iterator[Violation]:
        yield from (Violation(item=item, message=item["kind"]) for item in items)

    text: dict[str, Any] = {"name": "a", "description": "A.", "remedy": "B."}
    for rule in (
        ObjectRule(check=one, kinds=("Service", "Pod"), **text),
        StackRule(check=all_of_them, kinds=("Service", "Pod"), **text),
    ):
        assert [each.message for each in rule.violations(objects, Context())] == ["Service", "Pod"]
    everything = ObjectRule(check=one, **text)
    assert len(list(everything.violations(objects, Context()))) == len(objects)
