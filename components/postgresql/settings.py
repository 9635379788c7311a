"""Settings of PostgreSQL: plain, validated values, and the tuning that follows from them."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from ..blocks.base_settings import Problem, Settings
from ..blocks.component_settings import ComponentSettings
from ..blocks.footprint import Footprint, Pods
from ..blocks.monitoring import MonitoringSettings
from ..blocks.names import ImageReference, ObjectName
from ..blocks.quantities import MEBIBYTE, Bytes, quantity
from ..blocks.resources import ContainerResources, Resources, Sizes
from .memory import Load, ServerMemory, least_limit, server_memory

LEAST_STORAGE = "1Gi"
LEAST_QUERIES = 4
"""Queries that have room to sort and hash at the same time, with few connections."""
CONNECTIONS_PER_QUERY = 100
"""With many connections, one such query for so many."""
AUTOVACUUM_WORKERS = 2


_SIZES = Sizes(
    name="PostgreSQL",
    cpu=("250m", "2"),
    memory=(None, "2Gi"),
    ephemeral_storage=("64Mi", "1Gi"),
    about={
        "requests.memory": "Memory in bytes. Default: the limit, so that the node never takes memory back.",
        "limits.memory": "Memory in bytes. The server's memory settings are derived from it. The least depends on "
        "`postgresql.maxConnections`: 464Mi for 20, 800Mi for 100, 2016Mi for 400.",
        "ephemeral_storage": "Logs and sockets on the node's disk.",
    },
)


class StorageSettings(Settings):
    """The volume of the database."""

    size: Bytes = Field("10Gi", description="Size of the volume. Can grow where the class allows it, never shrink.")
    class_name: ObjectName | None = Field(
        None,
        examples=["fast"],
        description="StorageClass. Default: the cluster's default class. Changing it needs a new volume.",
    )


class PostgreSQLSettings(ComponentSettings):
    """`postgresql` in the stack's config."""

    image: ImageReference = Field("pgvector/pgvector:pg17", description="Container image: PostgreSQL with pgvector.")
    storage: StorageSettings = Field(StorageSettings(), description="The volume of the database.")
    resources: Annotated[Resources, _SIZES] = _SIZES.field()
    max_connections: int = Field(
        400,
        ge=20,
        le=5000,
        description="Connections the server accepts. Must hold the pools of all Open WebUI replicas and one more.",
    )

    def problems(self) -> Iterator[Problem]:
        memory, least = self.resources.memory_limit, self.least_memory(self.max_connections)
        if quantity(memory) < least * MEBIBYTE:
            yield Problem(
                keys=("resources.limits.memory", "maxConnections"),
                message=f"resources.limits.memory {memory} is too little for PostgreSQL with maxConnections "
                f"{self.max_connections}: beside the connections, the index of the documents could not be built",
                allowed=f"at least {least}Mi, or fewer connections",
                fix=f"{least}Mi",
            )
        if quantity(self.storage.size) < quantity(LEAST_STORAGE):
            yield Problem(
                keys=("storage.size",),
                message=f"storage.size {self.storage.size} is too little for a database and its log",
                allowed=f"at least {LEAST_STORAGE}",
                fix="10Gi",
            )

    def footprint(self, _monitoring: MonitoringSettings) -> Footprint:
        return Footprint(pods=(Pods(count=1, containers=(self.container_resources(),)),), volumes=1)

    def container_resources(self) -> ContainerResources:
        """`resources` of the container, the memory request filled in."""
        resources = self.resources.as_kubernetes()
        return {**resources, "requests": {"memory": self.resources.memory_limit, **resources["requests"]}}

    def load(self, connections: int) -> Load:
        """What a server with so many connections must have room for at the same time."""
        return Load(
            connections=connections,
            queries=max(LEAST_QUERIES, connections // CONNECTIONS_PER_QUERY),
            cores=int(quantity(self.resources.limits.cpu or "0")),
            autovacuum_workers=AUTOVACUUM_WORKERS,
        )

    def least_memory(self, connections: int) -> int:
        """The smallest memory limit in MiB for so many connections."""
        return least_limit(self.load(connections))

    @property
    def memory(self) -> ServerMemory:
        """How the server divides its limit, which `problems` does not refuse."""
        memory = server_memory(int(quantity(self.resources.memory_limit)) // MEBIBYTE, self.load(self.max_connections))
        assert memory
        return memory

    def tuning(self) -> dict[str, str]:
        """Server parameters that follow from the limits, in the units of postgresql.conf."""
        memory = self.memory
        limit, volume = (
            int(quantity(amount)) // MEBIBYTE for amount in (self.resources.memory_limit, self.storage.size)
        )
        workers = memory.workers * self.load(self.max_connections).queries
        return {
            "max_connections": str(self.max_connections),
            **memory.parameters(),
            "autovacuum_max_workers": str(AUTOVACUUM_WORKERS),
            "max_parallel_workers": str(workers),
            # Beside them: the launcher of logical replication, and extensions.
            "max_worker_processes": str(workers + 4),
            # The log may grow beyond it for a while; a full volume stops the server.
            "max_wal_size": f"{min(max(limit // 2, 512), volume // 4)}MB",
        }
