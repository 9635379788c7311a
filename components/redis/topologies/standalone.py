"""One server."""

from typing import ClassVar

from .base import ServerTopology


class Standalone(ServerTopology):
    """One server: all values are those of `ServerTopology`."""

    name: ClassVar[str] = "standalone"
