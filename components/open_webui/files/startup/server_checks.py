"""What of the PostgreSQL server and of the role's rights a migration needs."""

from dataclasses import dataclass

from .database import Connection

CONNECTIONS_NEEDED = 6
"""The lock's, and those of Open WebUI's start: Alembic's, and one or two in each of its three pools."""

OWNED_TABLES = ("alembic_version", "document_chunk")
"""Tables that every start alters or indexes, which PostgreSQL lets their owner do."""

_STATE = b"""
SELECT current_user,
       current_setting('server_encoding'),
       pg_is_in_recovery()
         OR (SELECT reset_val FROM pg_settings WHERE name = 'default_transaction_read_only')::boolean,
       current_schema(),
       current_setting('search_path'),
       coalesce(has_schema_privilege(current_schema(), 'CREATE'), false),
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
         - coalesce(current_setting('reserved_connections', true)::int, 0)
         - (SELECT sum(numbackends) FROM pg_stat_database)::int,
       ARRAY(SELECT name FROM unnest(%s::text[]) AS name
             WHERE NOT pg_has_role((SELECT relowner FROM pg_class WHERE oid = to_regclass(name)), 'USAGE'))
"""


@dataclass(frozen=True, kw_only=True)
class ServerState:
    """What a session sees of the server."""

    role: str
    encoding: str
    read_only: bool
    """A standby, or a server or role whose transactions are read-only."""

    schema: str | None
    """Schema in which tables are created; None if no schema of the search path exists."""

    search_path: str
    may_create: bool
    """Whether the role has CREATE on the schema."""

    free_connections: int
    """Connections that are left for the role, this session's counted as used."""

    tables_of_others: tuple[str, ...]
    """Those of `OWNED_TABLES` that exist and belong to a role that this one is not a member of."""


def read_server_state(connection: Connection) -> ServerState:
    """The state of the server, as it is for sessions that have set nothing themselves."""
    row = connection.execute(_STATE, (list(OWNED_TABLES),)).fetchone()
    assert row is not None
    role, encoding, read_only, schema, search_path, may_create, free_connections, tables = row
    return ServerState(
        role=role,
        encoding=encoding,
        read_only=read_only,
        schema=schema,
        search_path=search_path,
        may_create=may_create,
        free_connections=free_connections,
        tables_of_others=tuple(tables),
    )


def server_problems(state: ServerState) -> list[str]:
    """Why a migration cannot succeed on this server with this role."""
    problems = []
    if state.encoding != "UTF8":
        problems.append(
            f"The encoding of the database is {state.encoding}; Open WebUI needs UTF8. Create a database with "
            "ENCODING 'UTF8' and restore a dump into it."
        )
    if state.read_only:
        problems.append(
            "The server accepts no writes: it is a standby, or default_transaction_read_only is on. DATABASE_URL has "
            "to lead to the primary."
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
    return problems
