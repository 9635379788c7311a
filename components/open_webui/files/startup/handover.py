"""The handover of the schema from the servers of one release to those of another one.

`migrate` announces it when everything is ready, waits until no server serves, and only then changes the schema. If it
fails or is killed before the schema has changed, its locks end with its session, and the servers serve again.
"""

import os
import time
from collections.abc import Callable

from .database import Connection, one
from .output import RefusedError, log, seconds
from .schema_locks import SchemaLock, try_exclusive

PAUSE_SECONDS = 600
"""Between two attempts. Kubernetes starts a failed init container again after seconds, and each attempt interrupts."""

ATTEMPTS = "open_webui_stack_handover"
"""Table with one row, which exists from an announcement until the migration has succeeded."""

_AGO = f"SELECT version, extract(epoch FROM now() - announced_at)::float8 FROM {ATTEMPTS}".encode()

_SERVERS = (
    b"SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name ~ '^serve ')"
)

_SESSIONS = b"""
SELECT count(*), string_agg(DISTINCT usename::text, ', ')
FROM pg_stat_activity AS session JOIN pg_roles ON rolname = usename
WHERE datname = current_database() AND pid <> pg_backend_pid() AND """

_OF_SERVERS = b"""(
    coalesce(application_name, '') !~ '^(serve|migrate|preflight) '
    AND (usename IN (session_user, current_user)
         OR %(role)s <> '' AND NOT rolsuper
         AND pg_has_role(usename, (SELECT oid FROM pg_roles WHERE rolname = %(role)s), 'MEMBER')))
"""

# Where no server is that takes part, and dumps, whose locks a migration waits for.
_ELSEWHERE = (
    b"""(
    application_name IN ('backup', 'pg_dump')
    OR NOT EXISTS (SELECT FROM pg_stat_activity AS server
                   WHERE server.datname = current_database() AND server.application_name ~ '^serve '
                   AND server.client_addr IS NOT DISTINCT FROM session.client_addr)
    AND """
    + _OF_SERVERS
    + b")"
)

STRANGERS_SECONDS = 60.0
"""How long sessions may exist that would make an attempt fail, before it stops anything."""

LOST_SECONDS = 60.0
"""PostgreSQL notices in half of this time that it has lost a server (`database.prepare_session`)."""


def require_no_server(connection: Connection) -> None:
    """For a migration without a handover: become the only holder of the lock of the servers.

    Raises `RefusedError` if servers of another release serve, as after a handover that failed.
    """
    deadline = time.monotonic() + LOST_SECONDS
    while not try_exclusive(connection, SchemaLock.SERVING):
        if time.monotonic() >= deadline:
            raise RefusedError(
                "Servers of another release serve, and openWebui.schemaUpgrade is replace. Nothing has been changed. "
                "Replace the Deployment, which stops them first: pulumi up --replace with the URN of open-webui. Or "
                "set openWebui.schemaUpgrade to handover."
            )
        time.sleep(0.05)


class Handover:
    """One attempt to get the schema from the servers of another release."""

    def __init__(self, connection: Connection, version: str) -> None:
        """
        Args:
            connection: a new one, of the owner of the tables.
            version: the release that migrates.
        """
        self._connection = connection
        self._version = version
        self._since = time.monotonic()

    def require_pause(self) -> None:
        """Raises `RefusedError` soon after an attempt that failed, while there are servers that it would interrupt."""
        if one(self._connection, b"SELECT to_regclass(%s)", ATTEMPTS) is None or not one(self._connection, _SERVERS):
            return
        row = self._connection.execute(_AGO).fetchone()
        if row and row[1] < PAUSE_SECONDS:
            raise RefusedError(
                f"The migration to Open WebUI {row[0]} was begun {row[1]:.0f} s ago and has failed. The servers of the "
                "previous release continue. Read the log of that attempt. The next one begins after "
                f"{PAUSE_SECONDS} s, or after: DROP TABLE {ATTEMPTS}"
            )

    def take(self, look: Callable[[], None]) -> None:
        """Make the servers stop, and return when none serves.

        Args:
            look: called again and again meanwhile; an exception of it ends the attempt.

        Raises `RefusedError` if servers do not stop in time.
        """
        # A server that has lost its session, above all because PostgreSQL was restarted, takes the lock again or stops
        # in less time. `migrate` has lost its own session then, too, so this counts from the start of the present one.
        while time.monotonic() < self._since + seconds("MIGRATE_NOTICE_SECONDS"):
            look()
            time.sleep(0.1)
        self._require_no_strangers(look)
        patience = seconds("MIGRATE_HANDOVER_SECONDS")
        began = time.monotonic()
        log(f"Everything is ready. The servers of the previous release stop now, within {patience:g} s.")
        self._record()
        self._until(
            lambda: try_exclusive(self._connection, SchemaLock.ANNOUNCED),
            look,
            began + 10,
            "another announcement exists",
        )
        still = "servers have not stopped"
        self._until(lambda: try_exclusive(self._connection, SchemaLock.SERVING), look, began + patience, still)
        # A server that does not take part has sessions, and one that has stopped may still be closing them.
        self._until(lambda: not self._others(), look, began + patience, "other sessions remain")
        log(f"No server serves after {time.monotonic() - began:.1f} s. The migration begins.")

    def completed(self) -> None:
        """Forget the attempt: the schema is migrated."""
        self._connection.execute(f"DROP TABLE IF EXISTS {ATTEMPTS}".encode())

    def _require_no_strangers(self, look: Callable[[], None]) -> None:
        deadline = time.monotonic() + STRANGERS_SECONDS
        while strangers := self._described(_SESSIONS + _ELSEWHERE):
            if time.monotonic() >= deadline:
                raise RefusedError(
                    f"{strangers}The servers of the previous release continue. End these sessions (pg_stat_activity), "
                    "or wait for the backup."
                )
            look()
            time.sleep(0.5)

    def _until(self, condition: Callable[[], bool], look: Callable[[], None], deadline: float, failure: str) -> None:
        while not condition():
            if time.monotonic() >= deadline:
                raise RefusedError(
                    f"Gave up: {failure}. {self._others()}Nothing has been changed, and the servers serve again."
                )
            look()
            time.sleep(0.05)

    def _others(self) -> str:
        """Sessions of roles that servers use, which may be servers that do not take part; empty if there are none."""
        return self._described(_SESSIONS + _OF_SERVERS)

    def _described(self, statement: bytes) -> str:
        role = os.environ.get("MIGRATE_CLIENT_ROLE", "")
        count, names = self._connection.execute(statement, {"role": role}).fetchone() or (0, "")
        return f"{count} session(s) of {names} use the database and do not take part. " if count else ""

    def _record(self) -> None:
        with self._connection.transaction():
            self._connection.execute(f"DROP TABLE IF EXISTS {ATTEMPTS}".encode())
            self._connection.execute(f"CREATE TABLE {ATTEMPTS} (version text, announced_at timestamptz)".encode())
            self._connection.execute(f"INSERT INTO {ATTEMPTS} VALUES (%s, now())".encode(), (self._version,))
