"""Detects a connection pooler between a client and PostgreSQL, and whether it keeps the state of a session. A pooler
in transaction mode runs each transaction in any free server connection. `migrate` needs one session: its advisory lock
would remain in a connection of the pool. Session parameters would affect other clients, so this module sets none, and
callers must not set any before.

https://www.pgbouncer.org/features.html
"""

import asyncio
import secrets

import psycopg

from .database import Connection, connection_options, one
from .output import RefusedError

SECOND_SESSION_SECONDS = 5.0
"""How long a pooler may take to assign a server connection to a second client. With a full pool it takes minutes."""

_LOOKS = 5
_PID = b"SELECT pg_backend_pid()"
_DIRECT = "Let DATABASE_URL lead to the server itself, or to a pooler in session mode (PgBouncer: pool_mode = session)."


def require_session(connection: Connection) -> None:
    """Raises `RefusedError` behind a pooler that has no session for this client. Nothing is changed."""
    if not is_pooled(connection):
        return
    pids = {one(connection, _PID) for _ in range(_LOOKS)}
    # In session mode this client has a server connection of its own until it disconnects.
    if len(pids) > 1 or asyncio.run(_second_session()) in pids:
        writes = (
            ""
            if keeps_prepared_statements(connection)
            else " This one also loses prepared statements, so that Open WebUI's writes would fail: PgBouncer before "
            "1.21, or max_prepared_statements = 0."
        )
        raise RefusedError(
            "A pooler in transaction mode is between this pod and the database: each transaction may run in another "
            f"session, and the lock of a migration belongs to one.{writes} {_DIRECT}"
        )


def is_pooled(connection: Connection) -> bool:
    """Whether the process ID of the login differs from the process that answers: a pooler uses its own IDs."""
    return bool(connection.info.backend_pid != one(connection, _PID))


def keeps_prepared_statements(connection: Connection) -> bool:
    """Whether the pooler supports prepared statements. Such a pooler prepares them under its own names in each server
    connection. Another pooler passes the name on, and the statement is missing in the next server connection.
    """
    name = f"open_webui_stack_{secrets.token_hex(8)}"
    with connection.transaction():
        result = connection.pgconn.prepare(name.encode(), b"SELECT 1")
        if result.status != psycopg.pq.ExecStatus.COMMAND_OK:
            return False
        passed_on = one(connection, b"SELECT EXISTS (SELECT FROM pg_prepared_statements WHERE name = %s)", name)
        if passed_on:
            connection.execute(f"DEALLOCATE {name}".encode())
    return not passed_on


async def _second_session() -> int | None:
    """The server process of another client, while the first one is idle.

    Raises `RefusedError` if the pooler has no server connection for it.
    """
    try:
        return await asyncio.wait_for(_server_process(), SECOND_SESSION_SECONDS)
    except (TimeoutError, psycopg.OperationalError) as error:
        reason = " ".join(str(error).split()) or f"no answer within {SECOND_SESSION_SECONDS:g} s"
        raise RefusedError(
            f"A pooler in session mode is between this pod and the database, and has no second connection: {reason}. "
            "Raise its pool (PgBouncer: default_pool_size), or end sessions that others hold."
        ) from error


async def _server_process() -> int | None:
    async with await psycopg.AsyncConnection.connect(**connection_options()) as connection:
        row = await (await connection.execute(_PID)).fetchone()
    return row[0] if row else None
