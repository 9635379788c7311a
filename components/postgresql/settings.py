"""Settings of PostgreSQL: plain, validated values, and the tuning that follows from them."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from ..blocks.authority import authority_objects
from ..blocks.base_settings import Problem, Settings
from ..blocks.client_settings import ClientSettings, external_clients
from ..blocks.cloud_identity import ServiceAccountSettings
from ..blocks.component_settings import ComponentSettings
from ..blocks.custom_kinds import KindsNeeded
from ..blocks.destinations import Destination
from ..blocks.extra_settings import OutsideComponentPodSettings
from ..blocks.footprint import Footprint
from ..blocks.monitoring import MonitoringSettings
from ..blocks.names import ImageReference, ObjectName
from ..blocks.needed_objects import NeededObject
from ..blocks.quantities import MEBIBYTE, Bytes, quantity
from ..blocks.resources import ContainerResources, Resources, Sizes
from ..blocks.topology_sections import KEY, section_problems
from .archive.settings import ArchiveSettings
from .cloudnative_pg.settings import CloudNativePGSettings
from .external_settings import PostgreSQLExternalSettings
from .memory import Load, ServerMemory, least_limit, server_memory
from .pooler.settings import PoolerSettings
from .pooler.sizes import least_connections
from .tls_settings import PostgreSQLTlsSettings
from .topologies import TOPOLOGIES, TopologyName
from .topologies.cloudnative_pg import CloudNativePG
from .topologies.external import External
from .topologies.standalone import Standalone
from .upgrade_settings import UpgradeSettings

IMAGE = "pgvector/pgvector:pg17"

LEAST_QUERIES = 4
"""Number of queries that can sort and hash at the same time, with few connections."""
CONNECTIONS_PER_QUERY = 100
"""With many connections, one such query for so many."""
AUTOVACUUM_WORKERS = 2
CONNECTIONS_BESIDE_OPEN_WEBUI = 10
"""Connections of psql, backups and probes, in addition to the pools of Open WebUI."""

EXPORTER_IMAGE = "quay.io/prometheuscommunity/postgres-exporter:v0.19.1"

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

    topology: TopologyName = Field(
        "standalone",
        description="Shape of the deployment. `standalone`: one server on one volume. `cloudnative-pg`: a primary "
        "and its replicas, run by the operator CloudNativePG. `external`: an existing PostgreSQL with "
        "pgvector; the stack deploys none.",
    )
    image: ImageReference = Field(
        IMAGE,
        description="Container image: PostgreSQL with pgvector. Backups run it, too, so with another topology it "
        "must have the major version of the server.",
    )
    exporter_image: ImageReference = Field(
        EXPORTER_IMAGE, description="Container image of postgres_exporter, which runs with `monitoring.enabled`."
    )
    storage: StorageSettings = Field(StorageSettings(), description="The volume of the database.")
    resources: Annotated[Resources, _SIZES] = _SIZES.field()
    tls: PostgreSQLTlsSettings = Field(
        PostgreSQLTlsSettings(),
        description="TLS between the server and its clients. The server then refuses connections without TLS, and "
        "clients verify the certificate and the name. With topology `external`: between the web pods "
        "and PgBouncer.",
    )
    upgrade: UpgradeSettings = Field(
        UpgradeSettings(), description="Stored data follow a change of the major version in `postgresql.image`."
    )
    max_connections: int = Field(
        400,
        ge=20,
        le=5000,
        description="Connections that the server accepts; for an external server, the connections that the stack "
        "may use. Must hold the pools of all Open WebUI replicas and one more.",
    )
    pods: OutsideComponentPodSettings = Field(
        OutsideComponentPodSettings(),
        description="How the pods of PostgreSQL fit into the cluster: the keys of `pods`, and extra volumes and "
        "containers. `proxy` and `caBundle` apply only to the client of the archive's bucket; with topology "
        "`cloudnative-pg` the bundle is a Secret with every authority that this client may need.",
    )
    archive: ArchiveSettings = Field(
        ArchiveSettings(), description="Archive of the write-ahead log in a bucket, for recovery to a point in time."
    )
    service_account: ServiceAccountSettings = Field(
        ServiceAccountSettings(),
        description="The identity of the server at a cloud provider, for the bucket of the archive.",
    )
    pooler: PoolerSettings = Field(PoolerSettings(), description="PgBouncer between the web pods and the server.")
    cloudnative_pg: CloudNativePGSettings = Field(
        CloudNativePGSettings(), description="The cluster of CloudNativePG. Not with other topologies."
    )
    clients: list[ClientSettings] = Field(
        [],
        description="Further pods that may connect to the server, with the output `database_url`: they log in as the "
        "owner of the database. Pods of another namespace use the host `postgres.<namespace>.svc`.",
    )
    external: PostgreSQLExternalSettings = Field(
        PostgreSQLExternalSettings(), description="The existing PostgreSQL. Not with other topologies."
    )

    def problems(self) -> Iterator[Problem]:
        yield from section_problems(self.layout.name, TOPOLOGIES.values(), self.model_fields_set)
        yield from self.layout.problems()
        if self.clients and self.is_external:
            yield external_clients("PostgreSQL", KEY, self.layout.name)

    @property
    def layout(self) -> Standalone | CloudNativePG | External:
        """The topology, which defines everything that differs between topologies."""
        return TOPOLOGIES[self.topology](self)

    @property
    def is_external(self) -> bool:
        """Whether the server is not the stack's own."""
        return isinstance(self.layout, External)

    def footprint(self, monitoring: MonitoringSettings) -> Footprint:
        return self.layout.footprint(monitoring)

    def kinds_needed(self, monitoring: MonitoringSettings) -> Iterator[KindsNeeded]:
        return self.layout.kinds_needed(monitoring)

    def objects_needed(self) -> Iterator[NeededObject]:
        yield from self.tls.objects_needed("postgresql.tls")
        yield from authority_objects(self.external.certificate_authority_secret, "postgresql.external")

    @property
    def archive_services(self) -> list[tuple[str, Destination]]:
        """The services of the archive's bucket, each with the key that it follows from; none when it is off."""
        if not self.archive.enabled:
            return []
        services = self.archive.s3.services(self.service_account.annotations)
        return [(f"postgresql.archive.s3.{key}", each) for key, each in services]

    def container_resources(self) -> ContainerResources:
        """`resources` of the container, the memory request filled in."""
        resources = self.resources.as_kubernetes()
        return {**resources, "requests": {"memory": self.resources.memory_limit, **resources["requests"]}}

    def load(self, connections: int) -> Load:
        """The load of a server with this number of connections."""
        return Load(
            connections=connections,
            queries=max(LEAST_QUERIES, connections // CONNECTIONS_PER_QUERY),
            cores=int(quantity(self.resources.limits.cpu or "0")),
            autovacuum_workers=AUTOVACUUM_WORKERS,
            other_programs=self.layout.other_programs,
        )

    def connections_needed(self, of_web_pods: int) -> int:
        """Connections that the server must accept for this number of connections of the web pods."""
        pooled = least_connections(self.pooler, of_web_pods) if self.pooler.enabled else of_web_pods
        return pooled + self.connections_past_pooler

    @property
    def connections_past_pooler(self) -> int:
        """Connections that are not of the web pods."""
        return CONNECTIONS_BESIDE_OPEN_WEBUI + self.layout.reserved_connections

    def least_memory(self, connections: int) -> int:
        """The smallest memory limit in MiB for this number of connections."""
        return least_limit(self.load(connections))

    @property
    def memory(self) -> ServerMemory:
        """How the server divides its limit, which `problems` has accepted."""
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
