"""The connection to PostgreSQL."""

import os
import re
import socket
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import psycopg
from psycopg import conninfo, sql

from .connection_advice import connection_advice
from .output import RefusedError, log, script_name

Connection = psycopg.Connection[tuple[Any, ...]]

SERVER_SIDE_LIMITS = "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=4"
"""PGOPTIONS for the connections of Open WebUI itself: what `prepare_session` sets for those of the scripts. Otherwise
the server keeps the sessions of a lost node, and the locks of its unfinished migration, for two hours. PgBouncer
refuses these parameters."""


def connection_parameters(variable: str = "DATABASE_URL") -> dict[str, Any]:
    """Parameters of libpq from the URL in a variable, which may name a driver of SQLAlchemy.

    Raises `RefusedError` if it is not a PostgreSQL URL. The message never quotes it, because it contains the password.
    """
    url = re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", os.environ.get(variable, ""))
    try:
        if url.startswith("postgresql://"):
            return dict(conninfo.conninfo_to_dict(url))
    except psycopg.Error:
        pass
    raise RefusedError(
        f"{variable} names no PostgreSQL database or cannot be read. It has to be "
        "postgresql://USER:PASSWORD@HOST:PORT/DATABASE with a percent-encoded password."
    )


def connection_options(variable: str = "DATABASE_URL") -> dict[str, Any]:
    """Parameters of a connection: those of the URL, and time limits in case the server is lost.

    Raises `RefusedError` as `connection_parameters` does.
    """
    # The client detects a lost server within half a minute. For a lost client, see prepare_session.
    alive = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 4, "tcp_user_timeout": 30_000}
    application = f"{script_name()} {socket.gethostname()}"[:63]
    # psycopg returns bytes from a database with the encoding SQL_ASCII, unless the client sets its encoding.
    session = {
        "autocommit": True,
        "application_name": application,
        "client_encoding": "UTF8",
        "connect_timeout": 5,
        # With a pooler in transaction mode, a prepared statement may not exist at its next use.
        "prepare_threshold": None,
    }
    return {**connection_parameters(variable), **alive, **session}


def connect(
    patience: float, variable: str = "DATABASE_URL", parameters: Mapping[str, int] = MappingProxyType({})
) -> Connection:
    """A connection to the database. Waits up to ``patience`` seconds for the server to start.

    Args:
        patience: seconds.
        variable: has the URL.
        parameters: of libpq, instead of those of `connection_options`.

    Raises `RefusedError` if it does not.
    """
    options = {**connection_options(variable), **parameters}
    where = "{host}:{port}/{dbname}".format(**{"host": "", "port": 5432, "dbname": "", **options})
    deadline, logged = time.monotonic() + patience, ""
    while True:
        try:
            return psycopg.connect(**options)
        except psycopg.OperationalError as error:
            reason = " ".join(str(error).split())
            if "password authentication failed" in reason:
                # The server logs no other reason for a role that does not exist, or may not log in.
                reason += ". After a rotation the server accepts the new password about a minute later"
        if time.monotonic() >= deadline:
            advice = connection_advice(reason)
            raise RefusedError(
                f"The database {where} could not be reached within {patience:g} s: {reason}{advice and f'. {advice}'}"
            )
        if reason != logged:
            log(f"Waiting up to {patience:g} s for the database {where}: {reason}")
            logged = reason
        time.sleep(min(2, max(0.01, deadline - time.monotonic())))


def prepare_session(connection: Connection) -> None:
    """Make the server detect a lost client. Otherwise a lock of the client would remain for hours."""
    for name, value in (("idle", 10), ("interval", 5), ("count", 4)):
        connection.execute(f"SET tcp_keepalives_{name} = {value}".encode())
    connection.execute(b"SET statement_timeout = 0")
    if schema := os.environ.get("DATABASE_SCHEMA"):
        connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(schema)))


def one(connection: Connection, statement: bytes, *parameters: object) -> Any:
    """First column of the first row; None without a row."""
    row = connection.execute(statement, parameters).fetchone()
    return row[0] if row else None


def described(error: psycopg.Error) -> str:
    """A database error as one line."""
    return f"The database refused or was lost: {' '.join(str(error).split()) or type(error).__name__}"
