"""The rules as policies of Pulumi: between the engine's arguments and plain Kubernetes objects."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyConfigSchema,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

from . import PRODUCTION, RULES, config_properties
from .objects import Object, Unknown
from .production import PROTECTION
from .rule import Context, Definition, Level, ObjectRule, StackRule

KUBERNETES = "kubernetes:"
_LEVELS = {Level.MANDATORY: EnforcementLevel.MANDATORY, Level.ADVISORY: EnforcementLevel.ADVISORY}


def policies() -> list[Policy]:
    """Every rule as a policy, and the protection policy, which needs more than the objects."""
    return [*(_policy(rule) for rule in RULES), _protection_policy()]


def _policy(rule: ObjectRule | StackRule) -> Policy:
    if isinstance(rule, ObjectRule):
        return ResourceValidationPolicy(validate=_object_check(rule), **_options(rule))
    return StackValidationPolicy(validate=_stack_check(rule), **_options(rule))


def _options(definition: Definition) -> dict[str, Any]:
    properties = config_properties(definition)
    return {
        "name": definition.name,
        "description": definition.description,
        "remediation_steps": definition.remedy,
        "enforcement_level": _LEVELS[definition.level],
        "config_schema": PolicyConfigSchema(properties=properties) if properties else None,
    }


def _object_check(rule: ObjectRule) -> Callable[[ResourceValidationArgs, ReportViolation], None]:
    def validate(args: ResourceValidationArgs, report_violation: ReportViolation) -> None:
        if args.resource_type.startswith(KUBERNETES):
            for violation in rule.violations([plain(args.props)], _context(args.urn, args.get_config())):
                report_violation(f"{violation.message}\n{rule.remedy}", None)

    return validate


def _stack_check(rule: StackRule) -> Callable[[StackValidationArgs, ReportViolation], None]:
    def validate(args: StackValidationArgs, report_violation: ReportViolation) -> None:
        resources = [each for each in args.resources if each.resource_type.startswith(KUBERNETES)]
        objects = [plain(each.props) for each in resources]
        context = _context(resources[0].urn, args.get_config()) if resources else Context()
        for violation in rule.violations(objects, context):
            urn = _urn(violation.item, objects, resources)
            report_violation(f"{violation.message}\n{rule.remedy}", urn)

    return validate


def _urn(item: Object, objects: Sequence[Object], resources: Sequence[PolicyResource]) -> str | None:
    return next((each.urn for each, other in zip(resources, objects, strict=True) if other is item), None)


def _protection_policy() -> Policy:
    def validate(args: ResourceValidationArgs, report_violation: ReportViolation) -> None:
        kind = args.resource_type.rpartition(":")[2]
        guarded = args.resource_type.startswith(KUBERNETES) and kind in PROTECTION.kinds
        if guarded and _context(args.urn, args.get_config()).production and not args.opts.protect:
            report_violation(f"{kind} {args.name} is not protected\n{PROTECTION.remedy}", None)

    return ResourceValidationPolicy(validate=validate, **_options(PROTECTION))


def _context(urn: str, config: Mapping[str, Any] | None) -> Context:
    # The policy SDK passes on the stack's name in the URN only.
    stack = urn.removeprefix("urn:pulumi:").partition("::")[0]
    production: Iterable[str] = (config or {}).get("production") or PRODUCTION
    return Context(production=stack in production)


def plain(value: Any) -> Any:
    """Properties from the engine as a manifest: whole numbers, no proxies, `Unknown` for what is not known yet."""
    if isinstance(value, Mapping):
        return {name: _member(value, name) for name in value}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_member(value, index) for index in range(len(value))]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _member(container: Any, key: Any) -> Any:
    try:
        return plain(container[key])
    except UnknownValueError:
        return Unknown("known after the update")
