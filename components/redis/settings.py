"""Settings of Redis: plain, validated values."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from ..blocks.authority import authority_objects
from ..blocks.base_settings import Fix, Problem, Settings
from ..blocks.client_settings import ClientSettings, external_clients
from ..blocks.component_settings import ComponentSettings
from ..blocks.custom_kinds import KindsNeeded
from ..blocks.footprint import Footprint
from ..blocks.monitoring import MonitoringSettings
from ..blocks.names import ImageReference, ObjectName
from ..blocks.needed_objects import NeededObject
from ..blocks.quantities import Bytes, RedisMemory, mebibytes, quantity
from ..blocks.resources import ContainerResources, Resources, Sizes
from ..blocks.topology_sections import KEY, section_problems
from .cluster_settings import RedisClusterSettings
from .external_settings import RedisExternalSettings
from .server.engines import Engine
from .server.memory import LIMIT_STEP_MEBIBYTES, Memory, largest_maxmemory, memory
from .tls_settings import RedisTlsSettings
from .topologies import TOPOLOGIES, TopologyName
from .topologies.base import ServerTopology
from .topologies.external import External

EvictionPolicy = Literal[
    "noeviction",
    "allkeys-lru",
    "allkeys-lfu",
    "allkeys-random",
    "volatile-lru",
    "volatile-lfu",
    "volatile-random",
    "volatile-ttl",
]
Durability = Literal["none", "container", "volume"]

EXPORTER_IMAGE = "oliver006/redis_exporter:v1.69.0-alpine"

IMAGES: dict[Engine, str] = {"redis": "redis:7.4-alpine", "valkey": "valkey/valkey:8.1-alpine"}


_SIZES = Sizes(
    name="Redis",
    cpu=("100m", "500m"),
    memory=("256Mi", None),
    ephemeral_storage=("64Mi", "256Mi"),
    about={
        "limits.memory": "Memory in bytes. Default: derived from `maxmemory` (704Mi for 512mb; twice `maxmemory` if "
        "the server forks: with durability, replicas or a cluster).",
        "limits.ephemeral_storage": "Logs on the node's disk. Files of Redis in the pod are added.",
    },
)


class RedisStorageSettings(Settings):
    """The volume of durability `volume`."""

    size: Bytes = Field("4Gi", description="Size of each volume, at least four times `redis.maxmemory`.")
    class_name: ObjectName | None = Field(None, description="StorageClass. Default: the cluster's default class.")


class RedisSentinelSettings(Settings):
    """The Sentinels beside the servers."""

    down_after_seconds: int = Field(
        5, ge=1, le=60, description="Seconds without an answer until a Sentinel considers the primary down."
    )


class RedisSettings(ComponentSettings):
    """`redis` in the stack's config."""

    topology: TopologyName = Field(
        "standalone",
        description="Shape of the deployment. `standalone`: one server. `sentinel`: three servers; the Sentinels "
        "beside them elect the primary. `cluster`: Redis Cluster, the hash slots divided among several primaries. "
        "`external`: an existing Redis; the stack deploys none.",
    )
    engine: Engine = Field("redis", description="Server: Redis, or Valkey, which has the same protocol and config.")
    image: ImageReference | None = Field(
        None,
        description="Container image with the engine's server. Default: "
        + ", ".join(f"`{image}` for {engine}" for engine, image in IMAGES.items())
        + ".",
    )
    exporter_image: ImageReference = Field(
        EXPORTER_IMAGE, description="Container image of redis_exporter, which runs with `monitoring.enabled`."
    )
    maxmemory: RedisMemory = Field("512mb", description="Memory for data of each server, in the syntax of redis.conf.")
    maxmemory_policy: EvictionPolicy = Field(
        "allkeys-lru",
        description="When the memory is full, `noeviction` refuses writes; an evicting policy can make a signed-out "
        "token valid again.",
    )
    durability: Durability = Field(
        "none",
        description="Data that outlives a restart. `none`: no data. `container`: all data, if the container "
        "restarts in its pod. `volume`: all data, also if the pod is replaced. If the data is lost, "
        "signed-out tokens are valid again.",
    )
    storage: RedisStorageSettings = Field(
        RedisStorageSettings(),
        description="The volume of durability `volume`. Members of a Redis Cluster always have one, of this class.",
    )
    sentinel: RedisSentinelSettings = Field(
        RedisSentinelSettings(), description="The Sentinels. Not with other topologies."
    )
    cluster: RedisClusterSettings = Field(
        RedisClusterSettings(), description="The Redis Cluster. Not with other topologies."
    )
    tls: RedisTlsSettings = Field(
        RedisTlsSettings(), description="TLS of the stack's own Redis. Default: none. Not with Sentinels."
    )
    resources: Annotated[Resources, _SIZES] = _SIZES.field()
    clients: list[ClientSettings] = Field(
        [],
        description="Further pods that may connect, with the URLs of the stack's outputs. The user of these URLs may "
        "use keys that begin with `open-webui:`. Pods of another namespace use the host "
        "`redis-service.<namespace>.svc`; only with topology `standalone`.",
    )
    external: RedisExternalSettings = Field(
        RedisExternalSettings(), description="The existing Redis. Not with other topologies."
    )

    def problems(self) -> Iterator[Problem]:
        limit = self.resources.limits.memory
        if limit and quantity(limit) < self.figures.needed:
            yield self._limit_too_small(limit)
        if self.durability == "volume" and quantity(self.storage.size) < self.figures.disk:
            yield Problem(
                keys=("storage.size", "maxmemory"),
                message=f"storage.size {self.storage.size} is too small for maxmemory {self.maxmemory}; the "
                "append-only file would fill the volume while it is rewritten",
                allowed=f"at least four times maxmemory ({mebibytes(self.figures.disk)})",
                fix=mebibytes(self.figures.disk),
            )
        if self.durability != "volume" and not self.layout.volumes and "storage" in self.model_fields_set:
            yield Problem(
                keys=("storage", "durability"),
                message=f"storage is set, but durability is {self.durability}: there is no volume",
                allowed="durability: volume, or no storage",
                fix=Fix.REMOVE,
            )
        yield from self._section_problems()
        yield from self._client_problems()
        yield from self.layout.problems()

    def _section_problems(self) -> Iterator[Problem]:
        own = self.layout.name
        yield from section_problems(own, TOPOLOGIES.values(), self.model_fields_set)
        if self.tls.enabled and self.layout.tls_refused:
            others = " or ".join(name for name, other in TOPOLOGIES.items() if not other.tls_refused)
            yield Problem(
                keys=("tls", KEY),
                message=f"tls with {KEY} {own}: {self.layout.tls_refused}",
                allowed=f"{KEY}: {others}, or no tls",
                fix=Fix.REMOVE,
            )

    def _client_problems(self) -> Iterator[Problem]:
        if self.clients and self.is_external:
            yield external_clients("Redis", KEY, self.layout.name)
        elif self.layout.replicated and any(client.namespace for client in self.clients):
            yield Problem(
                keys=("clients", KEY),
                message=f"clients with a namespace, but {KEY} is {self.layout.name}: clients get the names of the "
                "servers from the servers, and only pods of the stack's namespace resolve these",
                allowed=f"clients without namespace, or {KEY} standalone",
                fix=Fix.REMOVE,
            )

    def _limit_too_small(self, limit: str) -> Problem:
        largest, least = largest_maxmemory(quantity(limit), forks=self.forks), self.figures.least_limit
        enough = f"resources.limits.memory of at least {least}, or no limit (it is derived)"
        # Another rule refuses less than 16mb.
        fits = largest >= 16
        return Problem(
            keys=("maxmemory", "resources.limits.memory") if fits else ("resources.limits.memory", "maxmemory"),
            message=f"maxmemory {self.maxmemory} is too much for resources.limits.memory {limit}; Redis would be "
            "killed before it can evict",
            allowed=f"at most {largest}mb with this limit, or {enough}" if fits else enough,
            fix=f"{largest}mb" if fits else least,
        )

    @property
    def layout(self) -> ServerTopology | External:
        """The topology, which defines everything that differs between topologies."""
        return TOPOLOGIES[self.topology](self)

    @property
    def is_external(self) -> bool:
        """Whether the servers are not the stack's own."""
        return isinstance(self.layout, External)

    @property
    def forks(self) -> bool:
        """Whether the server copies itself: to rewrite its file, or to feed a replica."""
        return self.durability != "none" or self.layout.replicated

    @property
    def figures(self) -> Memory:
        """How the memory is divided."""
        return memory(self.maxmemory, forks=self.forks)

    @property
    def container_image(self) -> str:
        """The configured image, or the default image of the engine."""
        return self.image or IMAGES[self.engine]

    @property
    def memory_limit(self) -> str:
        """The configured memory limit of the container, or the limit derived from `maxmemory`, never below the
        request."""
        if self.resources.limits.memory:
            return self.resources.limits.memory
        least, request = self.figures.least_limit, self.resources.requests.memory or "0"
        return least if quantity(least) >= quantity(request) else request

    @property
    def files_in_pod(self) -> int:
        """Bytes that Redis may write to the pod's own disk."""
        if self.durability == "container":
            return self.figures.disk
        # A replica stores the data of its primary in a file until the transfer is complete.
        return self.figures.maxmemory if self.layout.replicated and self.durability == "none" else 0

    def footprint(self, monitoring: MonitoringSettings) -> Footprint:
        return self.layout.footprint(monitoring)

    def kinds_needed(self, monitoring: MonitoringSettings) -> Iterator[KindsNeeded]:
        return self.layout.kinds_needed(monitoring)

    def objects_needed(self) -> Iterator[NeededObject]:
        yield from self.tls.objects_needed("redis.tls")
        yield from authority_objects(self.external.certificate_authority_secret, "redis.external")

    def container_resources(self) -> ContainerResources:
        """`resources` of the Redis container with the memory limit filled in."""
        resources = self.resources.as_kubernetes()
        limits = {**resources["limits"], "memory": self.memory_limit}
        if self.files_in_pod:
            logs = quantity(limits["ephemeral-storage"])
            limits["ephemeral-storage"] = mebibytes(logs + self.files_in_pod, LIMIT_STEP_MEBIBYTES)
        return {**resources, "limits": limits}
