"""Settings of Redis: plain, validated values."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Literal

from pydantic import Field

from ..base_settings import Problem, Settings
from ..quantities import Quantity, RedisMemory, mebibytes, quantity, redis_bytes
from ..resources import Amounts, ContainerResources, Resources

# Redis counts its data against maxmemory, but not copy-on-write, fragmentation and most buffers. Managed services keep
# 20 to 25 % free for them; at the container's limit the kernel kills Redis before it can evict or refuse anything.
DATA_SHARE_OF_LIMIT = Decimal("0.75")
LIMIT_STEP_MEBIBYTES = 64

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


class RedisRequests(Amounts):
    """What the scheduler reserves for Redis."""

    cpu: Quantity = Field("100m", description="CPU in cores.")
    memory: Quantity = Field("256Mi", description="Memory in bytes.")
    ephemeral_storage: Quantity = Field("64Mi", description="Logs on the node's disk.")


class RedisLimits(Amounts):
    """What Redis cannot exceed."""

    cpu: Quantity = Field("500m", description="CPU in cores.")
    memory: Quantity | None = Field(
        None, description="Memory in bytes. Default: derived, `maxmemory` / 0.75 rounded up to 64Mi (704Mi for 512mb)."
    )
    ephemeral_storage: Quantity = Field("256Mi", description="Logs on the node's disk.")


class RedisResources(Resources):
    """Requests and limits of the Redis container."""

    requests: RedisRequests = Field(RedisRequests(), description="What the scheduler reserves.")
    limits: RedisLimits = Field(RedisLimits(), description="What the container cannot exceed.")


class RedisSettings(Settings):
    """`redis` in the stack's config."""

    topology: Literal["standalone"] = Field("standalone", description="Shape of the deployment: one Redis server.")
    image: str = Field("redis:7.4-alpine", min_length=1, description="Container image with `redis-server`.")
    maxmemory: RedisMemory = Field("512mb", description="Memory for data, in the syntax of redis.conf.")
    maxmemory_policy: EvictionPolicy = Field(
        "allkeys-lru",
        description="What a full Redis does. `noeviction` refuses writes; an evicting policy can make a signed-out "
        "token valid again.",
    )
    resources: RedisResources = Field(RedisResources(), description="Requests and limits of the container.")

    def problems(self) -> Iterator[Problem]:
        limit = self.resources.limits.memory
        if limit and redis_bytes(self.maxmemory) > quantity(limit) * DATA_SHARE_OF_LIMIT:
            largest = int(quantity(limit) * DATA_SHARE_OF_LIMIT) // 2**20
            yield Problem(
                keys=("maxmemory", "resources.limits.memory"),
                message=f"maxmemory {self.maxmemory} is above 75 % of resources.limits.memory {limit}; Redis would be "
                "killed before it can evict",
                allowed=f"at most {largest}mb with this limit, or resources.limits.memory of at least "
                f"{self._least_limit()}, or no limit (it is derived)",
                example=f"{largest}mb",
            )

    def _least_limit(self) -> str:
        return mebibytes(redis_bytes(self.maxmemory) / DATA_SHARE_OF_LIMIT, LIMIT_STEP_MEBIBYTES)

    @property
    def memory_limit(self) -> str:
        """The container's memory limit: as set, else derived from `maxmemory`, never below the request."""
        if self.resources.limits.memory:
            return self.resources.limits.memory
        least, request = self._least_limit(), self.resources.requests.memory or "0"
        return least if quantity(least) >= quantity(request) else request

    def container_resources(self) -> ContainerResources:
        """`resources` of the Redis container with the memory limit filled in."""
        resources = self.resources.as_kubernetes()
        return {**resources, "limits": {**resources["limits"], "memory": self.memory_limit}}


def exporter_resources() -> ContainerResources:
    """`resources` of redis_exporter: it serves a page of text every few seconds."""
    return {
        "requests": {"cpu": "10m", "memory": "32Mi", "ephemeral-storage": "16Mi"},
        "limits": {"cpu": "100m", "memory": "64Mi", "ephemeral-storage": "64Mi"},
    }
