"""The rules: plain functions over plain Kubernetes objects."""

from typing import Any

from . import containers, network, plain_secrets, pod_security, production
from .rule import Definition, Rule

PACK = "open-webui-stack"
"""Name of the policy pack."""

RULES: tuple[Rule, ...] = (
    *pod_security.RULES,
    *plain_secrets.RULES,
    *containers.RULES,
    *network.RULES,
    *production.RULES,
)
"""All rules except the one that needs more than the objects (`production.PROTECTION`)."""

PRODUCTION = frozenset({"prod"})
"""Environments that the production rules apply to, unless the pack is configured otherwise."""


def config_properties(definition: Definition) -> dict[str, dict[str, Any]]:
    """JSON Schema of each property that the configuration of the pack may set for a policy."""
    if not definition.of_production:
        return {}
    return {
        "production": {
            "type": "array",
            "items": {"type": "string"},
            "default": sorted(PRODUCTION),
            "description": "Stacks that the rules of production are for.",
        }
    }
