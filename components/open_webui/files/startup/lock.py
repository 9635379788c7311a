"""The lock with which only one replica at a time changes the database."""

import time
from collections.abc import Iterable

from .database import Connection, one
from .output import RefusedError, log

LOCK_KEY = int.from_bytes(b"openwebu", "big")
"""Key of the advisory lock. Such a lock is per database."""


def take_lock(connection: Connection, patience: float, meanwhile: Iterable[object] = ()) -> None:
    """Take the lock, which lasts as long as this session.

    It polls, because a session that waits inside the server holds a snapshot, and a ``CREATE INDEX CONCURRENTLY`` of
    the lock's holder would wait for it.

    Args:
        connection: its session takes the lock.
        patience: seconds.
        meanwhile: work in short steps. Each poll runs one.

    Raises `RefusedError` if another session held it for ``patience`` seconds.
    """
    steps = iter(meanwhile)
    started, next_line, pause = time.monotonic(), 0.0, 0.1
    while not one(connection, b"SELECT pg_try_advisory_lock(%s)", LOCK_KEY):
        waited = time.monotonic() - started
        if waited >= patience:
            raise RefusedError(
                f"Gave up after {patience:g} s: {holder(connection)} still holds the lock. Read the log of its "
                "container migrate; to end its session: SELECT pg_terminate_backend(PID)"
            )
        if waited >= next_line:
            log(f"Waiting up to {patience:g} s: {holder(connection)} is at work on the database.")
            next_line = waited + 30
        next(steps, None)
        time.sleep(min(pause, max(0.01, patience - waited)))
        pause = min(pause * 1.5, 0.5)


def holder(connection: Connection) -> str:
    """The session that holds the lock."""
    row = connection.execute(
        b"SELECT application_name, coalesce(host(client_addr), 'a local socket'), pid, backend_start::timestamptz(0)"
        b" FROM pg_locks JOIN pg_stat_activity USING (pid)"
        b" WHERE locktype = 'advisory' AND granted AND classid = %s AND objid = %s AND objsubid = 1"
        b" AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        (LOCK_KEY >> 32, LOCK_KEY & 0xFFFF_FFFF),
    ).fetchone()
    return "{!r} (from {}, PID {}, connected since {})".format(*row) if row else "another session"
