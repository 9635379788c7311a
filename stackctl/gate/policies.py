"""Policies that a change goes against and the stack so far keeps to (docs/decisions/0017-policies.md)."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from policy.rules import RULES
from policy.rules.objects import Unknown, name_of
from policy.rules.rule import Context, Level
from policy.rules.rule import Finding as Violation
from policy.rules.rule import findings as violations
from pulumi_values.special import is_hidden

from .changes import Change
from .gate import Finding


def policy_findings(changes: Iterable[Change], environment: str, *, production: bool) -> Iterator[Finding]:
    """Violations of mandatory policies that come with the change. No label allows them.

    What was against a policy before is no matter of this change: whoever merged it has seen it.

    Args:
        changes: all resources of the preview, also those that stay the same: some rules look at all objects together.
        environment: its name.
        production: whether the rules of production are kept.
    """
    listed = [change for change in changes if change.is_kubernetes]
    context = Context(production=production)
    before = {_told(found) for found in violations(RULES, [_plain(c.before) for c in listed if c.before], context)}
    for found in violations(RULES, [_plain(change.after) for change in listed if change.after], context):
        if found.rule.level is Level.MANDATORY and _told(found) not in before:
            yield Finding(
                environment=environment,
                resource=name_of(found.violation.item),
                what=f"against a policy: {found.violation.message}",
                cause=found.rule.name,
                label=None,
                remedy=found.rule.remedy,
            )


def _told(found: Violation) -> tuple[str, str, str]:
    return found.rule.name, name_of(found.violation.item), found.violation.message


def _plain(value: Mapping[str, Any]) -> Any:
    """The object as the rules take it: what the preview does not tell is unknown to them, too."""

    def part(value: object) -> object:
        if isinstance(value, Mapping):
            return {name: part(member) for name, member in value.items()}
        if isinstance(value, list):
            return [part(element) for element in value]
        return Unknown(value) if isinstance(value, str) and is_hidden(value) else value

    return part(value)
