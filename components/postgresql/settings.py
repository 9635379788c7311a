"""Settings of PostgreSQL: plain, validated values, and the tuning that follows from them."""

from collections.abc import Iterator

from pydantic import Field

from ..base_settings import Problem, Settings
from ..names import ImageReference, ObjectName
from ..quantities import MEBIBYTE, Bytes, Cores, quantity
from ..resources import Amounts, ContainerResources, Resources

LEAST_MEMORY = "256Mi"
LEAST_STORAGE = "1Gi"


class PostgreSQLRequests(Amounts):
    """What the scheduler reserves for PostgreSQL."""

    cpu: Cores = Field("250m", description="CPU in cores.")
    memory: Bytes | None = Field(
        None, description="Memory in bytes. Default: the limit, so that the node never takes memory back."
    )
    ephemeral_storage: Bytes = Field("64Mi", description="Logs and sockets on the node's disk.")


class PostgreSQLLimits(Amounts):
    """What PostgreSQL cannot exceed."""

    cpu: Cores = Field("2", description="CPU in cores.")
    memory: Bytes = Field("1Gi", description="Memory in bytes. The server's memory settings are derived from it.")
    ephemeral_storage: Bytes = Field("1Gi", description="Logs and sockets on the node's disk.")


class PostgreSQLResources(Resources):
    """Requests and limits of the PostgreSQL container."""

    requests: PostgreSQLRequests = Field(PostgreSQLRequests(), description="What the scheduler reserves.")
    limits: PostgreSQLLimits = Field(PostgreSQLLimits(), description="What the container cannot exceed.")


class StorageSettings(Settings):
    """The volume of the database."""

    size: Bytes = Field("10Gi", description="Size of the volume. Can grow where the class allows it, never shrink.")
    class_name: ObjectName | None = Field(
        None,
        examples=["fast"],
        description="StorageClass. Default: the cluster's default class. Changing it needs a new volume.",
    )


class PostgreSQLSettings(Settings):
    """`postgresql` in the stack's config."""

    image: ImageReference = Field("pgvector/pgvector:pg17", description="Container image: PostgreSQL with pgvector.")
    storage: StorageSettings = Field(StorageSettings(), description="The volume of the database.")
    resources: PostgreSQLResources = Field(PostgreSQLResources(), description="Requests and limits of the container.")
    max_connections: int = Field(
        400,
        ge=20,
        le=5000,
        description="Connections the server accepts. Must hold the pools of all Open WebUI replicas and one more.",
    )

    def problems(self) -> Iterator[Problem]:
        memory = self.resources.limits.memory
        if quantity(memory) < quantity(LEAST_MEMORY):
            yield Problem(
                keys=("resources.limits.memory",),
                message=f"resources.limits.memory {memory} is too little for PostgreSQL with pgvector",
                allowed=f"at least {LEAST_MEMORY}",
                example="1Gi",
            )
        if quantity(self.storage.size) < quantity(LEAST_STORAGE):
            yield Problem(
                keys=("storage.size",),
                message=f"storage.size {self.storage.size} is too little for a database and its log",
                allowed=f"at least {LEAST_STORAGE}",
                example="10Gi",
            )

    def container_resources(self) -> ContainerResources:
        """`resources` of the container, the memory request filled in."""
        resources = self.resources.as_kubernetes()
        return {**resources, "requests": {"memory": self.resources.limits.memory, **resources["requests"]}}

    def tuning(self) -> dict[str, str]:
        """Server parameters that follow from the memory limit, in the units of postgresql.conf.

        The shares are those of the PostgreSQL documentation (shared_buffers 25 %, effective_cache_size 75 %) with
        work_mem sized so that a tenth of the connections can sort at the same time within a quarter of the limit.
        """
        limit = int(quantity(self.resources.limits.memory)) // MEBIBYTE
        volume = int(quantity(self.storage.size)) // MEBIBYTE
        sorting_connections = max(self.max_connections // 10, 4)
        return {
            "max_connections": str(self.max_connections),
            "shared_buffers": f"{limit // 4}MB",
            "effective_cache_size": f"{limit * 3 // 4}MB",
            "maintenance_work_mem": f"{self.shared_memory_mebibytes}MB",
            "work_mem": f"{max(limit // 4 // sorting_connections, 4)}MB",
            # The log may grow beyond it for a while; a full volume stops the server.
            "max_wal_size": f"{min(max(limit, 512), volume // 4)}MB",
        }

    @property
    def shared_memory_mebibytes(self) -> int:
        """Size of /dev/shm: a parallel index build of pgvector needs maintenance_work_mem there."""
        return max(int(quantity(self.resources.limits.memory)) // MEBIBYTE // 16, 32)
