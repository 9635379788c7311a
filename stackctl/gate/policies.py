"""Policies that the stack meets before a change and violates after it (docs/decisions/0017-policies.md)."""

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
    """Violations of mandatory policies that the change introduces. No label allows them.

    Earlier violations do not block this change: the review of the change that introduced them covered them.

    Args:
        changes: all resources of the preview, also those that stay the same: some rules look at all objects together.
        environment: its name.
        production: whether the rules of production are kept.
    """
    listed = [change for change in changes if change.is_kubernetes]
    context = Context(production=production)
    earlier = violations(RULES, [_plain(change.before) for change in listed if change.before], context)
    before = {_identity(each) for each in earlier}
    for each in violations(RULES, [_plain(change.after) for change in listed if change.after], context):
        if each.rule.level is Level.MANDATORY and _identity(each) not in before:
            yield Finding(
                environment=environment,
                resource=name_of(each.violation.item),
                what=f"against a policy: {each.violation.message}",
                cause=each.rule.name,
                label=None,
                remedy=each.rule.remedy,
            )


def _identity(each: Violation) -> tuple[str, str, str]:
    return each.rule.name, name_of(each.violation.item), each.violation.message


def _plain(value: Mapping[str, Any]) -> Any:
    """The object as the rules expect it: a value that the preview hides is `Unknown`."""

    def part(value: object) -> object:
        if isinstance(value, Mapping):
            return {name: part(member) for name, member in value.items()}
        if isinstance(value, list):
            return [part(element) for element in value]
        return Unknown(value) if isinstance(value, str) and is_hidden(value) else value

    return part(value)
