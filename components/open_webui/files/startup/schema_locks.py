"""The two advisory locks of a handover of the schema (docs/decisions/0058-handover.md).

- `SERVING`: each server holds it in shared mode while it serves. `migrate` holds it exclusively while it changes the
  schema.
- `ANNOUNCED`: `migrate` holds it exclusively from the announcement of a handover to its own end. Servers look at it.

Both end with the session that holds them. Their second key is the schema that contains Open WebUI's tables, so that two
stacks in one database do not share them. All statements return at once: a session that waits inside the server holds a
snapshot.
"""

import os
from enum import Enum

from .database import Connection, one

VARIABLE = "SCHEMA_UPGRADE"
"""Variable of the containers that serve and migrate."""

HANDOVER = "handover"

# NULL before the first migration; a lock with that key is never held.
_OF_SCHEMA = b"hashtext((SELECT relnamespace::text FROM pg_class WHERE oid = to_regclass('alembic_version')))"


class SchemaLock(Enum):
    """First key of each lock."""

    SERVING = int.from_bytes(b"owse", "big")
    ANNOUNCED = int.from_bytes(b"owan", "big")


def takes_part() -> bool:
    """Whether this container takes part in handovers."""
    return os.environ.get(VARIABLE) == HANDOVER


def try_shared(connection: Connection, lock: SchemaLock) -> bool:
    """Take a lock beside other sessions. False: a session holds it exclusively, or Open WebUI has no tables."""
    return _taken(connection, b"SELECT pg_try_advisory_lock_shared(%s, " + _OF_SCHEMA + b")", lock)


def release_shared(connection: Connection, lock: SchemaLock) -> None:
    """Release a lock that `try_shared` took."""
    one(connection, b"SELECT pg_advisory_unlock_shared(%s, " + _OF_SCHEMA + b")", lock.value)


def try_exclusive(connection: Connection, lock: SchemaLock) -> bool:
    """Take a lock as its only holder, until the end of the session."""
    return _taken(connection, b"SELECT pg_try_advisory_lock(%s, " + _OF_SCHEMA + b")", lock)


def is_announced(connection: Connection) -> bool:
    """Whether a handover is announced. It also shows that the session, and with it the lock `SERVING`, exists."""
    # The lock of this statement ends with it. Another session that announces at this moment tries again.
    statement = b"SELECT pg_try_advisory_xact_lock_shared(%s, " + _OF_SCHEMA + b")"
    return one(connection, statement, SchemaLock.ANNOUNCED.value) is False


def _taken(connection: Connection, statement: bytes, lock: SchemaLock) -> bool:
    return one(connection, statement, lock.value) is True
