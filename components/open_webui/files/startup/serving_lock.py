"""The lock of a server: it serves only while it holds the lock, on the schema of its own release.

A thread looks at the lock's session once a second. When `migrate` of another release announces a handover, the server
finishes its work as after SIGTERM, then this process starts again (`restart`), which closes all of its connections. It
waits until it can have the lock on the revision of its release: after a failed migration it serves again, and after a
successful one it waits until its pod is deleted.
"""

import os
import sys
import threading
import time
from collections.abc import Callable
from typing import NoReturn

import psycopg

from .compile_ahead import end_compilations
from .database import Connection, connect, connection_options, described, prepare_session
from .output import log
from .release import Release, database_revisions
from .schema_locks import SchemaLock, is_announced, release_shared, try_shared
from .waiting_server import WaitingServer

LOOK_SECONDS = 1.0
"""Between two looks at the session while the server serves."""

WAIT_SECONDS = 0.2
"""Between two attempts to take the lock: what users wait for at the end of a handover."""

_TIME_LIMIT = {"tcp_user_timeout": 10_000}
"""A lost network is noticed sooner than by other sessions, and before `migrate` announces anything
(MIGRATE_NOTICE_SECONDS). A busy server is not taken for a lost one."""

_environment = dict(os.environ)  # Open WebUI changes it.


def restart() -> NoReturn:
    """Run this process's own command again: its connections to the database are closed, and its lock is released.

    The container does not restart, so that Kubernetes neither counts nor delays it.
    """
    log("Starts again, and waits until the schema of this release can be served.")
    end_compilations()
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], _environment)


def _stop_at_once(obstacle: str) -> NoReturn:
    log(f"Stops serving at once: {obstacle}")
    restart()


class ServingLock:
    """The lock of this server."""

    def __init__(self, release: Release, patience: float) -> None:
        """
        Args:
            release: the release of this image.
            patience: how many seconds the database may be unreachable when the process starts.
        """
        self._release = release
        self._patience = patience
        self._connection: Connection | None = None
        self._on_announcement: Callable[[], None] = restart
        self.is_announced = False
        """Whether this server has to stop for a handover. It does not become False again."""

    def take(self) -> None:
        """Wait until this server may serve, and answer the probes of the kubelet meanwhile."""
        obstacle = ""
        with WaitingServer() as waiting:
            while current := self._obstacle():
                waiting.start()
                if current != obstacle:
                    obstacle = current
                    log(f"Waiting: {obstacle}")
                time.sleep(WAIT_SECONDS)
        threading.Thread(target=self._watch, name="serving-lock", daemon=True).start()

    def drain_with(self, on_announcement: Callable[[], None]) -> None:
        """From now on there is work to finish when a handover is announced."""
        self._on_announcement = on_announcement
        if self.is_announced:
            on_announcement()

    def _obstacle(self) -> str:
        """The reason why the lock cannot be had now; empty: this session holds it."""
        try:
            if self._connection is None:
                self._connection = connect(self._patience, parameters=_TIME_LIMIT)
                prepare_session(self._connection)
            if is_announced(self._connection):
                return "another release is about to migrate the database."
            return self._obstacle_in(self._connection)
        except psycopg.Error as error:
            self._connection = None
            return described(error)

    def _obstacle_in(self, connection: Connection) -> str:
        if not try_shared(connection, SchemaLock.SERVING):
            return "another release migrates the database, or its tables do not exist."
        # With the lock, so that it stays true.
        if obstacle := self._other_revision(connection):
            release_shared(connection, SchemaLock.SERVING)
        return obstacle

    def _other_revision(self, connection: Connection) -> str:
        """That the schema is not the one of this release; empty if it is."""
        if (revisions := database_revisions(connection)) == self._release.heads:
            return ""
        return (
            f"the database is at revision {', '.join(sorted(revisions)) or 'none'}, and Open WebUI "
            f"{self._release.version} serves {', '.join(sorted(self._release.heads))} only."
        )

    def _watch(self) -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            try:
                assert self._connection is not None
                if is_announced(self._connection) and not self.is_announced:
                    log("Another release is about to migrate the database.")
                    self.is_announced = True
                    self._on_announcement()
                # Without the lock: by a restore, or by a migration whose own session was lost before it committed.
                if obstacle := self._other_revision(self._connection):
                    _stop_at_once(obstacle)
            except psycopg.Error as error:
                log(f"The session of the serving lock has ended. {described(error)}")
                self._take_again()

    def _take_again(self) -> None:
        """After PostgreSQL was restarted. A server that cannot have the lock stops serving at once.

        While PostgreSQL cannot be reached the server keeps on: it cannot use the database either.
        """
        while True:
            try:
                self._connection = psycopg.connect(**{**connection_options(), **_TIME_LIMIT})
                prepare_session(self._connection)
                obstacle = self._obstacle_in(self._connection)
            except psycopg.Error:
                time.sleep(WAIT_SECONDS)
                continue
            if obstacle:
                _stop_at_once(obstacle)
            log("Holds the serving lock again.")
            return
