"""Secrets and ConfigMaps that settings name and the stack does not create.

The program asks the cluster for all of them before it registers anything (`stack_config.needed_objects`).
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class NeededObject:
    """An object in the stack's namespace that a config key names."""

    key: str
    """The config key, as the user writes it: ``postgresql.tls.secretName``."""

    name: str
    """Name of the object."""

    entries: tuple[str, ...] = ()
    """Keys in its data that pods read."""

    kind: Literal["Secret", "ConfigMap"] = "Secret"

    consequence: str = "pods that refer to it do not start"
    """The effect of its absence, for the message."""

    is_required: bool = True
    """Whether the update would fail without the object. Otherwise its absence is a warning, because another controller
    may create it later."""

    keys_to_fix: tuple[str, ...] = ()
    """The config keys with the name and with the key in the data. Default: ``key`` alone."""

    @property
    def described(self) -> str:
        """Name and keys: ``db-tls (keys tls.crt, ca.crt)``."""
        if not self.entries:
            return self.name
        return f"{self.name} (key{'s' if len(self.entries) > 1 else ''} {', '.join(self.entries)})"
