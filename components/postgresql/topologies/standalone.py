"""One server on one volume."""

from collections.abc import Iterator
from typing import ClassVar

from ...blocks.base_settings import Problem
from ...blocks.footprint import Footprint, Pods
from ...blocks.monitoring import MonitoringSettings
from ...blocks.quantities import MEBIBYTE, quantity
from .base import Topology

LEAST_STORAGE = "1Gi"


class Standalone(Topology):
    """The stack runs the server."""

    name: ClassVar[str] = "standalone"

    def problems(self) -> Iterator[Problem]:
        settings = self.settings
        memory, least = settings.resources.memory_limit, settings.least_memory(settings.max_connections)
        if quantity(memory) < least * MEBIBYTE:
            yield Problem(
                keys=("resources.limits.memory", "maxConnections"),
                message=f"resources.limits.memory {memory} is too little for PostgreSQL with maxConnections "
                f"{settings.max_connections}: beside the connections, the index of the documents could not be built",
                allowed=f"at least {least}Mi, or fewer connections",
                fix=f"{least}Mi",
            )
        if quantity(settings.storage.size) < quantity(LEAST_STORAGE):
            yield Problem(
                keys=("storage.size",),
                message=f"storage.size {settings.storage.size} is too little for a database and its log",
                allowed=f"at least {LEAST_STORAGE}",
                fix="10Gi",
            )

    @property
    def volume_size(self) -> str:
        return self.settings.storage.size

    def footprint(self, _monitoring: MonitoringSettings) -> Footprint:
        return Footprint(pods=(Pods(count=1, containers=(self.settings.container_resources(),)),), volumes=1)
