"""One server."""

from typing import ClassVar

from .base import ServerTopology


class Standalone(ServerTopology):
    """One server: every answer is the one of `ServerTopology`."""

    name: ClassVar[str] = "standalone"
