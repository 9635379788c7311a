"""Secrets that the operator gives the stack: as values of the config, or as references to Secrets that exist."""

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
    """Secrets that exist. No name has both a value and a reference."""

    variables: frozenset[str] = frozenset()
    """Those of the names that are environment variables of the web pods, and not config keys of the stack."""

    rotation: int = 1
    """Number of the current contents of the referenced Secrets, from 1."""

    @property
    def names(self) -> frozenset[str]:
        """Every secret that is set in either way."""
        return frozenset({*self.values, *self.references})
