"""Let requests wait for a PostgreSQL that restarts, instead of failing.

A server that was killed or restarted refuses connections for some seconds, and so does its Service. Open WebUI answers
each request of that time with an error, although the next attempt would succeed.
"""

import asyncio
import importlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psycopg

LONGEST_WAIT_SECONDS = 10.0
"""How long after the first refusal a request may wait. Later refusals are errors at once."""

_FORGOTTEN_SECONDS = 60.0
"""Without a refusal for so long, the next one is the first of another restart."""

_PAUSE_SECONDS = 0.2
_TEMPORARY = ("starting up", "shutting down", "recovery mode", "not yet accepting connections")


class Outage:
    """The time in which the server refuses connections."""

    def __init__(self, pause: Callable[[float], object], clock: Callable[[], float] = time.monotonic) -> None:
        """No refusal yet.

        Args:
            pause: waits a number of seconds, while other requests continue.
            clock: returns seconds.
        """
        self._pause = pause
        self._clock = clock
        self._began = self._refused = -math.inf

    def connect(
        self, dialect: Any, _record: object, arguments: Sequence[Any], parameters: Mapping[str, Any]
    ) -> object | None:
        """A new connection, as SQLAlchemy's event ``do_connect`` asks for it.

        Returns:
            The connection; None for a dialect that blocks its thread, which then connects as usual: Open WebUI uses one
            at its start, for ``/health/db``, and for documents.

        Raises:
            psycopg.OperationalError: the server did not accept it, or refuses connections for too long.
        """
        if not dialect.is_async:
            return None
        first = self._clock()
        while True:
            attempt = self._clock()
            try:
                connection: object = dialect.connect(*arguments, **parameters)
            except psycopg.OperationalError as error:
                if not may_restart(error):
                    raise
                if attempt - self._refused >= _FORGOTTEN_SECONDS:
                    self._began = attempt
                self._refused = self._clock()
                # Another server, which accepts connections, must not prolong the wait for this one.
                if self._refused - min(self._began, first) >= LONGEST_WAIT_SECONDS:
                    raise
            else:
                self._refused = -math.inf
                return connection
            self._pause(_PAUSE_SECONDS)


def may_restart(error: psycopg.OperationalError) -> bool:
    """Whether a server that restarts can be the reason: nothing accepts connections, or the server will later."""
    if isinstance(error, psycopg.errors.ConnectionTimeout):
        # The attempt has waited already.
        return False
    message = str(error)
    return "FATAL" not in message or any(state in message for state in _TEMPORARY)


def wait_for_restarts() -> None:
    """Let the connections of requests wait. Before Open WebUI is imported."""
    try:
        sqlalchemy: Any = importlib.import_module("sqlalchemy")
        await_only = importlib.import_module("sqlalchemy.util").await_only
    except (ImportError, AttributeError):
        print(
            "This release of Open WebUI connects in another way: requests fail while PostgreSQL restarts.", flush=True
        )
        return
    outage = Outage(lambda seconds: await_only(asyncio.sleep(seconds)))
    sqlalchemy.event.listen(sqlalchemy.engine.Engine, "do_connect", outage.connect)
