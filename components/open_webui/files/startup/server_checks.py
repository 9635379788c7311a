"""Requirements of a migration and of the replicas on the PostgreSQL server and on the rights of the role."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .database import Connection

CONNECTIONS_NEEDED = 6
"""Connections of the start: one for the lock, one for Alembic, and one or two in each of Open WebUI's three pools."""

OWNED_TABLES = ("alembic_version", "document_chunk")
"""Tables that every start alters or indexes, which PostgreSQL allows only their owner."""

_STATE = b"""
SELECT current_user,
       current_setting('server_encoding'),
       pg_is_in_recovery(),
       (SELECT reset_val FROM pg_settings WHERE name = 'default_transaction_read_only')::boolean,
       current_schema(),
       current_setting('search_path'),
       coalesce(has_schema_privilege(current_schema(), 'CREATE'), false),
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
         - coalesce(current_setting('reserved_connections', true)::int, 0)
         - (SELECT sum(numbackends) FROM pg_stat_database)::int,
       session_user,
       current_database(),
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
         - coalesce(current_setting('reserved_connections', true)::int, 0),
       (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = session_user AND NOT rolsuper),
       (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database()),
       ARRAY(SELECT name FROM unnest(%s::text[]) AS name
             WHERE NOT pg_has_role((SELECT relowner FROM pg_class WHERE oid = to_regclass(name)), 'USAGE'))
"""


@dataclass(frozen=True, kw_only=True)
class ServerState:
    """What a session sees of the server."""

    role: str
    encoding: str
    standby: bool
    read_only: bool
    """Whether the transactions of the server, the database or the role are read-only by default."""

    schema: str | None
    """Schema in which tables are created; None if no schema of the search path exists."""

    search_path: str
    may_create: bool
    """Whether the role has CREATE on the schema."""

    free_connections: int
    """Free connections for the role. The connection of this session counts as used."""

    connection_limits: Mapping[str, int]
    """Limits for the connections of the replicas. The key is the statement that raises the limit."""

    tables_of_others: tuple[str, ...]
    """Those of `OWNED_TABLES` that exist and belong to a role that this one is not a member of."""


def read_server_state(connection: Connection) -> ServerState:
    """The state of the server, as a session without own parameters sees it."""
    row = connection.execute(_STATE, (list(OWNED_TABLES),)).fetchone()
    assert row is not None
    role, encoding, standby, read_only, schema, search_path, may_create, free_connections, *limits, tables = row
    return ServerState(
        role=role,
        encoding=encoding,
        standby=standby,
        read_only=read_only,
        schema=schema,
        search_path=search_path,
        may_create=may_create,
        free_connections=free_connections,
        connection_limits=dict(_limits(*limits)),
        tables_of_others=tuple(tables),
    )


def _limits(
    login: str, database: str, server: int, role: int | None, of_database: int | None
) -> Iterator[tuple[str, int]]:
    yield "max_connections in postgresql.conf, which some are reserved of", server
    if role is not None:
        yield f'ALTER ROLE "{login}" CONNECTION LIMIT', role
    if of_database is not None:
        yield f'ALTER DATABASE "{database}" CONNECTION LIMIT', of_database


def server_problems(state: ServerState, connections: int) -> list[str]:
    """The reasons why a migration fails on this server with this role, or why the replicas cannot serve after it.

    Args:
        state: the state of the server.
        connections: connections that the pools of all replicas may hold.
    """
    problems = []
    if state.encoding != "UTF8":
        problems.append(
            f"The encoding of the database is {state.encoding}; Open WebUI needs UTF8. Create a database with "
            "ENCODING 'UTF8' and restore a dump into it."
        )
    if state.standby:
        problems.append(
            "The server is a standby and accepts no writes. DATABASE_URL has to lead to the primary; with several "
            "hosts in it, add target_session_attrs=read-write."
        )
    elif state.read_only:
        problems.append(
            "The server accepts no writes: default_transaction_read_only is on, for the server, the database or the "
            "role. Some services set it when their disk is full."
        )
    if state.schema is None:
        problems.append(f"No schema of the search path ({state.search_path}) exists. Create it: CREATE SCHEMA ...")
    elif not state.may_create:
        problems.append(
            f"The role {state.role} must not create tables in the schema {state.schema}. As its owner: "
            f'GRANT CREATE ON SCHEMA "{state.schema}" TO "{state.role}"'
        )
    problems += [
        f"The table {table} belongs to another role, as after a restore by a superuser: {state.role} cannot alter it. "
        f'As a superuser: ALTER TABLE {table} OWNER TO "{state.role}", and so for the other tables of Open WebUI.'
        for table in state.tables_of_others
    ]
    # One of them is this session's own.
    if state.free_connections + 1 < CONNECTIONS_NEEDED:
        problems.append(
            f"The server has {max(0, state.free_connections)} free connections; the start of Open WebUI needs "
            f"{CONNECTIONS_NEEDED - 1}. End sessions that others hold (pg_stat_activity), or raise max_connections."
        )
    problems += [
        f"The pools of all web pods may hold {connections} connections, and at most {limit} are allowed. Raise the "
        f"limit ({what}), or run fewer replicas."
        for what, limit in state.connection_limits.items()
        if limit < connections
    ]
    return problems
