"""Settings of Redis: plain, validated values."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from ..blocks.base_settings import Problem, Settings
from ..blocks.component_settings import ComponentSettings
from ..blocks.custom_kinds import CERTIFICATE, PROMETHEUS_RULE, SERVICE_MONITOR, KindsNeeded
from ..blocks.destinations import Destination
from ..blocks.footprint import Footprint, Pods
from ..blocks.monitoring import MonitoringSettings
from ..blocks.names import HostList, ImageReference, ObjectName, hosts_in
from ..blocks.quantities import Bytes, Cores, RedisMemory, mebibytes, quantity
from ..blocks.resources import Amounts, ContainerResources, Resources
from .cluster_settings import RedisClusterSettings
from .server.container_sizes import exporter_resources, reload_resources, sentinel_resources
from .server.memory import LIMIT_STEP_MEBIBYTES, Memory, largest_maxmemory, memory
from .tls_settings import RedisTlsSettings
from .topologies.clients import Shape
from .topologies.nodes import belongs_to_install

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
Engine = Literal["redis", "valkey"]
Durability = Literal["none", "container", "volume"]
Topology = Literal["standalone", "sentinel", "cluster", "external"]

IMAGES: dict[Engine, str] = {"redis": "redis:7.4-alpine", "valkey": "valkey/valkey:8.1-alpine"}

NO_TLS: dict[Topology, str] = {
    "sentinel": "Open WebUI would connect without TLS, silently",
    "external": "what its servers do is not the stack's to say; give rediss:// URLs, and external.certificateAuthority",
}
"""Topologies without `redis.tls`, and why."""


class RedisRequests(Amounts):
    """What the scheduler reserves for Redis."""

    cpu: Cores = Field("100m", description="CPU in cores.")
    memory: Bytes = Field("256Mi", description="Memory in bytes.")
    ephemeral_storage: Bytes = Field("64Mi", description="Logs on the node's disk.")


class RedisLimits(Amounts):
    """What Redis cannot exceed."""

    cpu: Cores = Field("500m", description="CPU in cores.")
    memory: Bytes | None = Field(
        None,
        description="Memory in bytes. Default: derived from `maxmemory` (704Mi for 512mb; twice `maxmemory` where the "
        "server forks: with durability, replicas or a cluster).",
    )
    ephemeral_storage: Bytes = Field(
        "256Mi", description="Logs on the node's disk. Files of Redis in the pod come on top."
    )


class RedisResources(Resources):
    """Requests and limits of the Redis container."""

    requests: RedisRequests = Field(RedisRequests(), description="What the scheduler reserves.")
    limits: RedisLimits = Field(RedisLimits(), description="What the container cannot exceed.")


class RedisStorageSettings(Settings):
    """The volume of durability `volume`."""

    size: Bytes = Field("4Gi", description="Size of each volume, at least four times `redis.maxmemory`.")
    class_name: ObjectName | None = Field(None, description="StorageClass. Default: the cluster's default class.")


class RedisSentinelSettings(Settings):
    """The Sentinels of topology `sentinel`."""

    down_after_seconds: int = Field(
        5, ge=1, le=60, description="Seconds without an answer until a Sentinel counts the master as down."
    )


class RedisExternalSettings(Settings):
    """A Redis that is there already. Its URLs are the secrets `redisCacheUrl` and `redisWebsocketUrl`."""

    kind: Shape | None = Field(
        None,
        description="Shape of it: `standalone`, `sentinel`, or `cluster` (Redis Cluster: `hosts` names every address "
        "that its servers announce; both URLs have database 0). Default: `sentinel` with `sentinelHosts`, else "
        "`standalone`.",
    )
    hosts: HostList = Field(
        "",
        description="Names or addresses of its servers, with commas: what the network policy opens. Required. A name "
        "outside the cluster opens public addresses only; for a private network give the addresses here or in "
        "`openWebui.egress`.",
    )
    port: int = Field(6379, ge=1, le=65535, description="Port of its servers.")
    sentinel_hosts: HostList = Field(
        "", description="Its Sentinels, with commas. The URLs' host is then the name of the service that they watch."
    )
    sentinel_port: int = Field(26379, ge=1, le=65535, description="Port of its Sentinels.")
    certificate_authority: str | None = Field(
        None,
        min_length=1,
        description="Certificates in PEM of those who sign its own, for `rediss://` URLs. Default: the image's own.",
    )

    @property
    def destinations(self) -> list[tuple[str, Destination]]:
        """Where the web pods connect to, each with the key that says so."""
        servers = ("redis.external.hosts", self.hosts, self.port)
        sentinels = ("redis.external.sentinelHosts", self.sentinel_hosts, self.sentinel_port)
        return [
            (key, Destination(host=host.removesuffix("."), port=port, scheme="redis"))
            for key, hosts, port in (servers, sentinels)
            for host in hosts_in(hosts)
        ]

    @property
    def shape(self) -> Shape:
        """`kind`, or what follows from the Sentinels."""
        return self.kind or ("sentinel" if self.sentinel_hosts else "standalone")

    def problems(self) -> Iterator[Problem]:
        if (self.shape == "sentinel") != bool(self.sentinel_hosts):
            yield Problem(
                keys=("kind", "sentinelHosts"),
                message=f"kind {self.shape} "
                + ("with sentinelHosts: nothing would ask them" if self.sentinel_hosts else "without sentinelHosts"),
                allowed="kind sentinel with sentinelHosts, or another kind without",
                example="sentinel" if self.sentinel_hosts else "standalone",
            )
        for key, hosts in (("hosts", self.hosts), ("sentinelHosts", self.sentinel_hosts)):
            others = [host for host in hosts_in(hosts) if not belongs_to_install(host)]
            for host in filter(belongs_to_install, hosts_in(hosts)):
                yield Problem(
                    keys=(key,),
                    message=f"{host} is what every install calls its own Redis: two installs on one Redis send each "
                    "other their events, whatever the database",
                    allowed="a Redis of its own for each install: topology standalone, sentinel or cluster, or another "
                    "host",
                    example=",".join(others) or "redis.example.com",
                )
        if self.certificate_authority and "-----BEGIN CERTIFICATE-----" not in self.certificate_authority:
            yield Problem(
                keys=("certificateAuthority",),
                message="certificateAuthority is no certificate in PEM",
                allowed="text with -----BEGIN CERTIFICATE-----",
                example="",
            )
        if self.certificate_authority and self.sentinel_hosts:
            yield Problem(
                keys=("certificateAuthority", "sentinelHosts"),
                message="certificateAuthority with sentinelHosts: Open WebUI would connect without TLS, silently",
                allowed="TLS without Sentinels, or Sentinels without TLS",
                example="",
            )


class RedisSettings(ComponentSettings):
    """`redis` in the stack's config."""

    topology: Topology = Field(
        "standalone",
        description="Shape of the deployment. `standalone`: one server. `sentinel`: three servers, of which the "
        "Sentinels beside them choose the master. `cluster`: Redis Cluster, the data on several masters. `external`: "
        "one that is there already; nothing is deployed.",
    )
    engine: Engine = Field("redis", description="Server: Redis, or Valkey, which has the same protocol and config.")
    image: ImageReference | None = Field(
        None,
        description="Container image with the engine's server. Default: "
        + ", ".join(f"`{image}` for {engine}" for engine, image in IMAGES.items())
        + ".",
    )
    maxmemory: RedisMemory = Field("512mb", description="Memory for data of each server, in the syntax of redis.conf.")
    maxmemory_policy: EvictionPolicy = Field(
        "allkeys-lru",
        description="What a full Redis does. `noeviction` refuses writes; an evicting policy can make a signed-out "
        "token valid again.",
    )
    durability: Durability = Field(
        "none",
        description="What outlives a restart. `none`: nothing. `container`: everything, when the container restarts in "
        "its pod. `volume`: everything, when the pod is replaced too. Without it a signed-out token is valid again.",
    )
    storage: RedisStorageSettings = Field(
        RedisStorageSettings(),
        description="The volume of durability `volume`. A cluster's nodes have one each in any case, of this class.",
    )
    sentinel: RedisSentinelSettings = Field(
        RedisSentinelSettings(), description="The Sentinels of topology `sentinel`."
    )
    cluster: RedisClusterSettings = Field(RedisClusterSettings(), description="The nodes of topology `cluster`.")
    tls: RedisTlsSettings = Field(
        RedisTlsSettings(), description="TLS of the stack's own Redis. Default: none. Not with Sentinels."
    )
    resources: RedisResources = Field(RedisResources(), description="Requests and limits of the container.")
    external: RedisExternalSettings = Field(RedisExternalSettings(), description="The Redis of topology `external`.")

    def problems(self) -> Iterator[Problem]:
        yield from self._external_problems()
        limit = self.resources.limits.memory
        if limit and quantity(limit) < self.figures.needed:
            yield self._limit_too_small(limit)
        if self.durability == "volume" and quantity(self.storage.size) < self.figures.disk:
            yield Problem(
                keys=("storage.size", "maxmemory"),
                message=f"storage.size {self.storage.size} is too small for maxmemory {self.maxmemory}; the "
                "append-only file would fill the volume while it is rewritten",
                allowed=f"at least four times maxmemory ({mebibytes(self.figures.disk)})",
                example=mebibytes(self.figures.disk),
            )
        if self.durability != "volume" and self.topology != "cluster" and "storage" in self.model_fields_set:
            yield Problem(
                keys=("storage", "durability"),
                message=f"storage is set, but durability is {self.durability}: there is no volume",
                allowed="durability: volume, or no storage",
                example="",
            )
        if self.topology != "sentinel" and "sentinel" in self.model_fields_set:
            yield Problem(
                keys=("sentinel", "topology"),
                message=f"sentinel is set, but topology is {self.topology}: there are no Sentinels",
                allowed="topology: sentinel, or no sentinel",
                example="",
            )
        if self.topology != "cluster" and "cluster" in self.model_fields_set:
            yield Problem(
                keys=("cluster", "topology"),
                message=f"cluster is set, but topology is {self.topology}: there is one master",
                allowed="topology: cluster, or no cluster",
                example="",
            )
        if self.tls.enabled and self.topology in NO_TLS:
            yield Problem(
                keys=("tls", "topology"),
                message=f"tls with topology {self.topology}: {NO_TLS[self.topology]}",
                allowed="topology: standalone or cluster, or no tls",
                example="",
            )

    def _external_problems(self) -> Iterator[Problem]:
        if self.topology != "external" and "external" in self.model_fields_set:
            yield Problem(
                keys=("external", "topology"),
                message=f"external is set, but topology is {self.topology}: Redis is deployed by the stack",
                allowed="topology: external, or no external",
                example="",
            )
        if self.topology != "external":
            return
        if not self.external.hosts:
            yield Problem(
                keys=("external.hosts", "external", "topology"),
                message="topology external without external.hosts: the network policy would not let anybody reach it",
                allowed="names or addresses of its servers, with commas",
                example="redis.example.com",
            )
        if self.durability != "none":
            yield Problem(
                keys=("durability", "topology"),
                message=f"durability {self.durability} with topology external: what it keeps is not the stack's to say",
                allowed="none, or another topology",
                example="none",
            )

    def _limit_too_small(self, limit: str) -> Problem:
        largest, least = largest_maxmemory(quantity(limit), forks=self.forks), self.figures.least_limit
        enough = f"resources.limits.memory of at least {least}, or no limit (it is derived)"
        # Less than 16mb is refused for itself.
        fits = largest >= 16
        return Problem(
            keys=("maxmemory", "resources.limits.memory") if fits else ("resources.limits.memory", "maxmemory"),
            message=f"maxmemory {self.maxmemory} is too much for resources.limits.memory {limit}; Redis would be "
            "killed before it can evict",
            allowed=f"at most {largest}mb with this limit, or {enough}" if fits else enough,
            example=f"{largest}mb" if fits else least,
        )

    @property
    def replicated(self) -> bool:
        """Whether there are replicas: several servers, each a pod with a name of its own."""
        return self.topology in ("sentinel", "cluster")

    @property
    def forks(self) -> bool:
        """Whether the server copies itself: to rewrite its file, or to feed a replica."""
        return self.durability != "none" or self.replicated

    @property
    def figures(self) -> Memory:
        """How the memory is divided."""
        return memory(self.maxmemory, forks=self.forks)

    @property
    def container_image(self) -> str:
        """The image as set, else the engine's."""
        return self.image or IMAGES[self.engine]

    @property
    def memory_limit(self) -> str:
        """The container's memory limit: as set, else derived from `maxmemory`, never below the request."""
        if self.resources.limits.memory:
            return self.resources.limits.memory
        least, request = self.figures.least_limit, self.resources.requests.memory or "0"
        return least if quantity(least) >= quantity(request) else request

    @property
    def files_in_pod(self) -> int:
        """Bytes that Redis may write to the pod's own disk."""
        if self.durability == "container":
            return self.figures.disk
        # A replica keeps what it receives of its master in a file until it has all of it.
        return self.figures.maxmemory if self.replicated and self.durability == "none" else 0

    @property
    def nodes(self) -> int:
        """Pods of Redis."""
        return {"standalone": 1, "sentinel": 3, "cluster": self.cluster.nodes, "external": 0}[self.topology]

    @property
    def volumes(self) -> int:
        """PersistentVolumeClaims of Redis."""
        return self.nodes if self.durability == "volume" or self.topology == "cluster" else 0

    def footprint(self, monitoring: MonitoringSettings) -> Footprint:
        sentinel = (sentinel_resources(),) if self.topology == "sentinel" else ()
        exporter = (exporter_resources(),) if monitoring.enabled else ()
        containers = (self.container_resources(), reload_resources(), *sentinel, *exporter)
        return Footprint(pods=(Pods(count=self.nodes, containers=containers),), volumes=self.volumes)

    def kinds_needed(self, monitoring: MonitoringSettings) -> Iterator[KindsNeeded]:
        if self.topology == "external":
            return
        if monitoring.operator:
            kinds = (SERVICE_MONITOR, PROMETHEUS_RULE)
            yield KindsNeeded(key="monitoring.operator", value="true", off="false", kinds=kinds)
        if issuer := self.tls.issuer.name:
            yield KindsNeeded(key="redis.tls.issuer.name", value=issuer, off="", kinds=(CERTIFICATE,))

    def container_resources(self) -> ContainerResources:
        """`resources` of the Redis container with the memory limit filled in."""
        resources = self.resources.as_kubernetes()
        limits = {**resources["limits"], "memory": self.memory_limit}
        if self.files_in_pod:
            logs = quantity(limits["ephemeral-storage"])
            limits["ephemeral-storage"] = mebibytes(logs + self.files_in_pod, LIMIT_STEP_MEBIBYTES)
        return {**resources, "limits": limits}
