"""Connections through PgBouncer: how many the server has to accept, and how many of them each pod gets.

The one place of this arithmetic, for every topology. Free of Pulumi.
"""

from typing import TYPE_CHECKING

from ...blocks.footprint import Pods
from ...blocks.monitoring import MonitoringSettings, exporter_resources
from ...blocks.quantities import MEBIBYTE, mebibytes
from ...blocks.resources import ContainerResources
from .settings import PoolerSettings

if TYPE_CHECKING:
    from ..settings import PostgreSQLSettings

LEAST_SHARED = 10
"""Connections of one PgBouncer in transaction mode at least. They serve all its clients in turn."""

SHARING_CLIENTS = 2000
"""Clients of one PgBouncer in transaction mode, where the server has fewer connections."""

_MEMORY = 48
_MEMORY_OF_CLIENT = 0.125
"""MiB. Measured: docs/decisions/0049-pooler.md."""


def least_connections(pooler: PoolerSettings, of_web_pods: int) -> int:
    """Connections that the server has to have for PgBouncer.

    Args:
        pooler: settings of PgBouncer.
        of_web_pods: connections that the web pods may open.
    """
    if pooler.mode == "session":
        # One pod can have all clients, while the others still hold connections of sessions that have ended.
        return of_web_pods * pooler.instances
    return LEAST_SHARED * _sharing(pooler)


def pool_size(settings: "PostgreSQLSettings") -> int:
    """Connections of one PgBouncer to the server. All of them together never exceed those that it has for them."""
    pooler = settings.pooler
    available = settings.max_connections - settings.connections_past_pooler
    return available // (pooler.instances if pooler.mode == "session" else _sharing(pooler))


def most_connections(settings: "PostgreSQLSettings") -> int | None:
    """Connections to the server that all PgBouncers share. None: as many as the clients open."""
    return pool_size(settings) * _sharing(settings.pooler) if settings.pooler.mode == "transaction" else None


def client_limit(settings: "PostgreSQLSettings") -> int:
    """``max_client_conn``: one PgBouncer has room for all clients."""
    least = SHARING_CLIENTS if settings.pooler.mode == "transaction" else 0
    return max(least, settings.max_connections)


def pooler_resources(clients: int) -> ContainerResources:
    """`resources` of PgBouncer, one process that passes messages on.

    Args:
        clients: ``max_client_conn``.
    """
    memory = mebibytes(round((_MEMORY + clients * _MEMORY_OF_CLIENT) * MEBIBYTE), 16)
    return {
        "requests": {"cpu": "50m", "memory": memory, "ephemeral-storage": "16Mi"},
        "limits": {"cpu": "1", "memory": memory, "ephemeral-storage": "64Mi"},
    }


def reload_resources() -> ContainerResources:
    """`resources` of the container that makes PgBouncer read renewed certificates."""
    return {
        "requests": {"cpu": "5m", "memory": "16Mi", "ephemeral-storage": "8Mi"},
        "limits": {"cpu": "100m", "memory": "64Mi", "ephemeral-storage": "16Mi"},
    }


def pooler_pods(
    settings: "PostgreSQLSettings", monitoring: MonitoringSettings, *, watches_files: bool
) -> tuple[Pods, ...]:
    """The most pods that the stack runs of PgBouncer; none without it.

    Args:
        settings: settings of PostgreSQL.
        monitoring: whether an exporter is in each.
        watches_files: whether a sidecar makes it read renewed certificates.
    """
    if not settings.pooler.enabled:
        return ()
    sidecars = (
        *((reload_resources(),) if watches_files else ()),
        *((exporter_resources(),) if monitoring.enabled else ()),
    )
    # A rolling update does not wait for those that are leaving.
    return (
        Pods(count=2 * settings.pooler.instances, containers=(pooler_resources(client_limit(settings)), *sidecars)),
    )


def _sharing(pooler: PoolerSettings) -> int:
    # A rolling update starts one pod before it stops another.
    return pooler.instances + 1
