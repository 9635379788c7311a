"""How the memory of a Redis server is divided: data, buffers of clients, copies while it forks; the memory limit."""

from dataclasses import dataclass
from decimal import Decimal

from ...blocks.quantities import MEBIBYTE, mebibytes, redis_bytes

# Redis counts its data against maxmemory, but not fragmentation and the memory of its own process. Managed services
# keep 20 to 25 % free for them; at the container's limit the kernel kills Redis before it can evict or refuse anything.
DATA_SHARE_OF_LIMIT = Decimal("0.75")
# A rewrite of the append-only file and a full synchronisation fork: memory holds pages that change meanwhile twice.
# https://redis.io/docs/latest/operate/oss_and_stack/management/optimization/memory-optimization/
DATA_SHARE_OF_LIMIT_WITH_FORKS = Decimal("0.5")
# An event of Open WebUI can be larger than the 32 MB at which Redis disconnects a subscriber by default. One subscriber
# may use a quarter of this, and all clients together a half.
LEAST_HEADROOM = 160 * MEBIBYTE
LIMIT_STEP_MEBIBYTES = 64
# The file is not rewritten before it has 64 MB (auto-aof-rewrite-min-size), however little is in it.
LEAST_DISK = 256 * MEBIBYTE


@dataclass(frozen=True, kw_only=True)
class Memory:
    """The memory limits of one server, in bytes."""

    maxmemory: int
    """Memory for data, as configured."""

    forks: bool
    """Whether the server writes a file or feeds replicas, for which it copies itself."""

    @property
    def headroom(self) -> int:
        """Memory beside the data that buffers and fragmentation may use, without the copies of a fork."""
        return max(int(self.maxmemory / DATA_SHARE_OF_LIMIT) - self.maxmemory, LEAST_HEADROOM)

    @property
    def needed(self) -> Decimal:
        """The minimum memory limit in bytes: with a smaller one the kernel may kill the server."""
        return max(self.maxmemory / _data_share(self.forks), Decimal(self.maxmemory + self.headroom))

    @property
    def least_limit(self) -> str:
        """The memory limit that the container gets by default, a Kubernetes quantity."""
        return mebibytes(self.needed, LIMIT_STEP_MEBIBYTES)

    @property
    def clients(self) -> int:
        """``maxmemory-clients``: the limit for the buffers of all clients together."""
        return self.headroom // 2

    @property
    def subscriber(self) -> int:
        """The largest buffer of one subscriber before Redis disconnects it; half of it is allowed for at most a
        minute."""
        return self.headroom // 4

    @property
    def replica(self) -> int:
        """The backlog that a replica may have before it has to synchronize again."""
        return max(self.maxmemory // 8, 64 * MEBIBYTE)

    @property
    def disk(self) -> int:
        """Bytes on disk: the file, its appended commands, and both again during a rewrite."""
        return max(4 * self.maxmemory, LEAST_DISK)


def memory(maxmemory: str, *, forks: bool) -> Memory:
    """Limits for a ``maxmemory`` in the syntax of redis.conf."""
    return Memory(maxmemory=redis_bytes(maxmemory), forks=forks)


def largest_maxmemory(limit: Decimal, *, forks: bool) -> int:
    """The largest ``maxmemory`` in MiB that a container with that memory limit in bytes can hold; 0 when none can."""
    return max(int(min(limit * _data_share(forks), limit - LEAST_HEADROOM) / MEBIBYTE), 0)


def _data_share(forks: bool) -> Decimal:
    return DATA_SHARE_OF_LIMIT_WITH_FORKS if forks else DATA_SHARE_OF_LIMIT
