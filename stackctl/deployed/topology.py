"""Which servers a stack uses: topology of Redis and PostgreSQL, PgBouncer, archive."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from components.postgresql import names as postgresql
from components.postgresql.archive.names import CONTAINER as ARCHIVE_CONTAINER
from components.postgresql.cloudnative_pg.archive import PLUGIN

from .stack import WEB, Stack, variable_of

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


def topology(stack: Stack, cluster: dict[str, Any] | None, workloads: Mapping[str, dict[str, Any]]) -> Topology:
    """The topology of a stack.

    Args:
        stack: to look at.
        cluster: its `database_cluster`.
        workloads: its `workloads`.

    Raises:
        KubectlError: the cluster does not answer.
    """
    server = workloads.get(postgresql.APP)
    return Topology(
        redis=_redis(workloads[WEB]) if stack.has_redis() else "external",
        postgresql="cloudnative-pg" if cluster else "standalone" if server else "external",
        pooler=stack.has_pooler(cluster),
        archive=_archives_cluster(cluster) if cluster else server is not None and _archives(server),
    )


def _redis(web: dict[str, Any]) -> RedisTopology:
    if variable_of(web, "REDIS_SENTINEL_HOSTS"):
        return "sentinel"
    return "cluster" if variable_of(web, "REDIS_CLUSTER") == "true" else "standalone"


def _archives(server: dict[str, Any]) -> bool:
    containers = server["spec"]["template"]["spec"].get("initContainers", ())
    return any(each["name"] == ARCHIVE_CONTAINER for each in containers)


def _archives_cluster(cluster: dict[str, Any]) -> bool:
    """Whether the Barman Cloud plugin archives the write-ahead log of a `Cluster`."""
    plugins = cluster["spec"].get("plugins") or ()
    return any(each["name"] == PLUGIN and each.get("isWALArchiver") for each in plugins)
