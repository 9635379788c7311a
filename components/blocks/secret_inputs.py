"""Secrets that the user provides: as values of the config, or as references to existing Secrets."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pulumi import Input

from .secret_reference import SecretReference


@dataclass(frozen=True, kw_only=True)
class SecretInputs:
    """The secrets, each by its config key (``openaiApiKey``) or by the environment variable that gets it."""

    values: Mapping[str, Input[str]] = field(default_factory=dict)
    """Values from the stack's config. Secret."""

    references: Mapping[str, SecretReference] = field(default_factory=dict)
    """References to existing Secrets. No name has both a value and a reference."""

    variables: frozenset[str] = frozenset()
    """The names that are environment variables of the web pods and not config keys of the stack."""

    rotation: int = 1
    """Counter for changes of the referenced Secrets, from 1."""

    @property
    def names(self) -> frozenset[str]:
        """The names of all secrets, set as values or as references."""
        return frozenset({*self.values, *self.references})
