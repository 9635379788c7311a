"""The Pulumi CLI of the engine tests."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Toolchain:
    """The Pulumi CLI and how it finds its providers."""

    pulumi: Path
    """The executable."""

    path: str
    """PATH with the CLI, preceded by the provider emulators if they are needed."""
