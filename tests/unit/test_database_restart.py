"""Connections of requests while PostgreSQL restarts: which wait, and for how long."""

from collections.abc import Callable
from types import SimpleNamespace

import psycopg
import pytest

from components.open_webui.files.startup.database_restart import LONGEST_WAIT_SECONDS, Outage

REFUSED = psycopg.OperationalError("connection failed: Connection refused")


class Server:
    """A server that has an answer for each time, and a clock that only pauses move."""

    def __init__(self, answer: Callable[[float], Exception | None], *, is_async: bool = True) -> None:
        self.now = 0.0
        self.attempts = 0
        self._answer = answer
        self._dialect = SimpleNamespace(is_async=is_async, connect=self._connect)
        self._outage = Outage(self._pause, lambda: self.now)

    def connect(self) -> object | None:
        return self._outage.connect(self._dialect, None, ["argument"], {"host": "postgres"})

    def _connect(self, *arguments: object, **parameters: object) -> str:
        assert (arguments, parameters) == (("argument",), {"host": "postgres"})
        self.attempts += 1
        if error := self._answer(self.now):
            raise error
        return "connection"

    def _pause(self, seconds: float) -> None:
        assert 0 < seconds < 1
        self.now += seconds


def test_a_server_that_accepts_is_asked_once() -> None:
    server = Server(lambda _: None)
    assert server.connect() == "connection"
    assert (server.attempts, server.now) == (1, 0)


@pytest.mark.parametrize(
    "message",
    [
        "connection failed: Connection refused",
        "server closed the connection unexpectedly",
        "FATAL:  the database system is starting up",
        "FATAL:  the database system is not yet accepting connections",
        "FATAL:  the database system is shutting down",
        "FATAL:  the database system is in recovery mode",
    ],
)
def test_a_server_that_restarts_is_awaited(message: str) -> None:
    server = Server(lambda now: psycopg.OperationalError(message) if now < 3 else None)
    assert server.connect() == "connection"
    assert 3 <= server.now < 4


@pytest.mark.parametrize(
    "error",
    [
        psycopg.OperationalError('FATAL:  password authentication failed for user "app_1"'),
        psycopg.OperationalError("FATAL:  sorry, too many clients already"),
        psycopg.errors.ConnectionTimeout("connection timeout expired"),
        ValueError("no error of the server"),
    ],
)
def test_what_a_wait_does_not_help_is_an_error_at_once(error: Exception) -> None:
    server = Server(lambda _: error)
    with pytest.raises(type(error)):
        server.connect()
    assert (server.attempts, server.now) == (1, 0)


def test_nobody_waits_for_a_server_that_stays_away_and_the_next_restart_is_awaited_again() -> None:
    back = 60.0
    server = Server(lambda now: REFUSED if now < back or 100 <= now < 103 else None)
    with pytest.raises(psycopg.OperationalError):
        server.connect()
    assert LONGEST_WAIT_SECONDS <= server.now < LONGEST_WAIT_SECONDS + 1
    attempts, now = server.attempts, server.now
    with pytest.raises(psycopg.OperationalError):
        server.connect()
    assert (server.attempts, server.now) == (attempts + 1, now)
    server.now = back
    assert server.connect() == "connection"
    server.now = 100
    assert server.connect() == "connection"
    assert 103 <= server.now < 104


def test_a_restart_is_awaited_although_nobody_saw_the_end_of_the_last_outage() -> None:
    later = 3600.0
    server = Server(lambda now: REFUSED if now < 60 or later <= now < later + 3 else None)
    with pytest.raises(psycopg.OperationalError):
        server.connect()
    server.now = later
    assert server.connect() == "connection"
    assert later + 3 <= server.now < later + 4


def test_another_server_that_accepts_does_not_prolong_the_wait() -> None:
    now = [0.0]
    accepting = SimpleNamespace(is_async=True, connect=lambda: "connection")

    def pause(seconds: float) -> None:
        now[0] += seconds
        assert outage.connect(accepting, None, [], {}) == "connection"

    def refuse() -> None:
        raise REFUSED

    outage = Outage(pause, lambda: now[0])
    with pytest.raises(psycopg.OperationalError):
        outage.connect(SimpleNamespace(is_async=True, connect=refuse), None, [], {})
    assert LONGEST_WAIT_SECONDS <= now[0] < LONGEST_WAIT_SECONDS + 1


def test_a_dialect_that_blocks_its_thread_connects_as_usual() -> None:
    server = Server(lambda _: REFUSED, is_async=False)
    assert server.connect() is None
    assert server.attempts == 0
