"""The rules between the web pods, PgBouncer and the connections that PostgreSQL accepts."""

from collections.abc import Iterator, Mapping

from components.blocks.base_settings import Problem
from components.blocks.quantities import MEBIBYTE, quantity
from components.blocks.secret_reference import SecretReference
from components.open_webui.settings import OpenWebUISettings
from components.postgresql.pooler.sizes import client_limit
from components.postgresql.settings import PostgreSQLSettings
from components.postgresql.topologies.external import URL

from .secret_references import reference_path


def connection_problems(postgresql: PostgreSQLSettings, web: OpenWebUISettings) -> Iterator[Problem]:
    """Pools of the replicas for which the server has too few connections, or PgBouncer no room.

    Args:
        postgresql: settings of the server.
        web: settings of the web pods.
    """
    replicas, pooler = f"openWebui.{'autoscaling.maxReplicas' if web.autoscaling else 'replicas'}", postgresql.pooler
    needed = postgresql.connections_needed(web.database_connections)
    if needed > postgresql.max_connections:
        through = f" through {pooler.instances} pods of PgBouncer in {pooler.mode} mode" if pooler.enabled else ""
        yield Problem(
            keys=("postgresql.maxConnections", replicas, *(["postgresql.pooler.instances"] if pooler.enabled else [])),
            message=f"postgresql.maxConnections {postgresql.max_connections} is too low: "
            f"{web.most_pods} Open WebUI pods, draining ones included, may open {needed} connections{through}",
            allowed=f"at least {needed}, or fewer replicas",
            fix=str(needed),
        )
        if not postgresql.is_external:
            yield from _memory_problems(postgresql, needed)
    if pooler.enabled and web.database_connections > (room := client_limit(postgresql)) >= needed:
        yield Problem(
            keys=("postgresql.maxConnections", replicas, "postgresql.pooler.mode"),
            message=f"{web.most_pods} Open WebUI pods, draining ones included, may open {web.database_connections} "
            f"connections, and each pod of PgBouncer has room for {room}",
            allowed=f"at least {web.database_connections}, or fewer replicas",
            fix=str(web.database_connections),
        )


def _memory_problems(postgresql: PostgreSQLSettings, connections: int) -> Iterator[Problem]:
    # In the same report: with the suggested maxConnections the next run would report the memory limit.
    limit, least = postgresql.resources.memory_limit, postgresql.least_memory(connections)
    if quantity(limit) < least * MEBIBYTE:
        yield Problem(
            keys=("postgresql.resources.limits.memory",),
            message=f"postgresql.resources.limits.memory {limit} is too little for {connections} connections",
            allowed=f"at least {least}Mi, or fewer replicas",
            fix=f"{least}Mi",
        )


def pooler_problems(
    postgresql: PostgreSQLSettings, web: OpenWebUISettings, references: Mapping[str, SecretReference]
) -> Iterator[Problem]:
    """PgBouncer for a server whose URL the stack does not see, or for handovers of the schema.

    Args:
        postgresql: settings of the server.
        web: settings of the web pods.
        references: `existingSecrets`.
    """
    if web.handover_seconds and postgresql.pooler.enabled:
        yield Problem(
            keys=("openWebui.schemaUpgrade", "postgresql.pooler.enabled"),
            message="openWebui.schemaUpgrade handover with postgresql.pooler.enabled: the connections of PgBouncer "
            "outlive the replicas that have stopped",
            allowed="replace, or no pooler",
            fix="replace",
        )
    if postgresql.is_external and postgresql.pooler.enabled and URL in references:
        yield Problem(
            keys=("postgresql.pooler.enabled", reference_path(URL)),
            message=f"postgresql.pooler.enabled with {reference_path(URL)}: PgBouncer takes no URL, and the stack does "
            "not see this one",
            allowed=f"false, or the URL as a value: pulumi config set --secret {URL}",
            fix="false",
        )
