"""The rules: plain functions over plain Kubernetes objects."""

from . import containers, network, plain_secrets, pod_security, production
from .rule import Rule

RULES: tuple[Rule, ...] = (
    *pod_security.RULES,
    *plain_secrets.RULES,
    *containers.RULES,
    *network.RULES,
    *production.RULES,
)
"""All rules except the one that needs more than the objects (`pack.PROTECTION`)."""

PRODUCTION = frozenset({"prod"})
"""Environments that the production rules apply to, unless the pack is configured otherwise."""
