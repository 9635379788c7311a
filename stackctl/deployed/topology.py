"""Which servers a stack uses: topology of Redis and PostgreSQL, PgBouncer, archive."""

from dataclasses import dataclass
from typing import Any, Literal

from components.postgresql import names as postgresql
from components.postgresql.archive.names import CONTAINER as ARCHIVE_CONTAINER
from components.postgresql.cloudnative_pg.archive import PLUGIN

from .stack import PART_OF, Stack

RedisTopology = Literal["standalone", "sentinel", "cluster", "external"]
PostgreSQLTopology = Literal["standalone", "cloudnative-pg", "external"]


@dataclass(frozen=True, kw_only=True)
class Topology:
    """Which servers the stack uses."""

    redis: RedisTopology
    postgresql: PostgreSQLTopology
    pooler: bool
    """Whether PgBouncer is between the web pods and PostgreSQL."""

    archive: bool
    """Whether the write-ahead log is archived."""


def topology(stack: Stack) -> Topology:
    """The topology of a stack.

    Raises:
        KubectlError: the cluster does not answer.
    """
    if cluster := stack.database_cluster():
        return Topology(
            redis=_redis(stack),
            postgresql="cloudnative-pg",
            pooler=_operates_pooler(stack),
            archive=_archives_cluster(cluster),
        )
    server = stack.workloads().get(postgresql.APP)
    return Topology(
        redis=_redis(stack),
        postgresql="standalone" if server else "external",
        pooler=stack.has_pooler(),
        archive=server is not None and _archives(server),
    )


def _redis(stack: Stack) -> RedisTopology:
    if not stack.has_redis():
        return "external"
    if stack.variable("REDIS_SENTINEL_HOSTS"):
        return "sentinel"
    return "cluster" if stack.variable("REDIS_CLUSTER") == "true" else "standalone"


def _archives(server: dict[str, Any]) -> bool:
    containers = server["spec"]["template"]["spec"].get("initContainers", ())
    return any(each["name"] == ARCHIVE_CONTAINER for each in containers)


def _archives_cluster(cluster: dict[str, Any]) -> bool:
    """Whether the Barman Cloud plugin archives the write-ahead log of a `Cluster`."""
    plugins = cluster["spec"].get("plugins") or ()
    return any(each["name"] == PLUGIN and each.get("isWALArchiver") for each in plugins)


def _operates_pooler(stack: Stack) -> bool:
    """Whether the operator runs PgBouncer."""
    return bool(stack.kubectl.get("poolers.postgresql.cnpg.io", "-l", PART_OF)["items"])
