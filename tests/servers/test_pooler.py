"""PgBouncer of the stack in front of a real PostgreSQL, both with the rendered configuration."""

import itertools
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from components.postgresql.names import BACKUP_USER, CLIENT_ROLE, SERVICE, USER, client_user
from components.postgresql.pooler.configuration import own_server_ini
from tests.support.servers.load_roles import loading, loads
from tests.support.servers.postgresql_database import (
    BACKUP_PASSWORD,
    CLIENT_PASSWORD,
    CLIENT_USER,
    PASSWORD,
    Database,
)
from tests.support.servers.rendered_pooler import ON, RenderedPooler
from tests.support.servers.server_process import wait_until

CLIENTS = {CLIENT_USER: CLIENT_PASSWORD}
ROTATED = {**CLIENTS, client_user(2): "second"}
TRANSACTION = (*ON, "postgresql.pooler.mode=transaction")


@pytest.fixture
def served(database: Database) -> Iterator[Database]:
    """A running server with a table of the owner."""
    database.copied()
    with database.serving():
        with database.connect(autocommit=True) as owner:
            owner.execute("CREATE TABLE chat (id bigserial PRIMARY KEY, text text)")
        yield database


def in_front_of(database: Database, name: str = "pooler", **options: Any) -> RenderedPooler:
    """A PgBouncer for the server, which listens elsewhere than in the cluster."""
    server = own_server_ini(SERVICE, None)
    assert "host='postgres' port='5432'" in server
    server = server.replace("host='postgres' port='5432'", f"host='127.0.0.1' port='{database.port}'")
    return RenderedPooler(database.directory / name, server, options.pop("passwords", CLIENTS), **options)


@pytest.fixture
def pooler(served: Database) -> Iterator[RenderedPooler]:
    made = in_front_of(served)
    with made.serving():
        yield made


def test_the_role_of_the_web_pods_signs_in_with_its_password_alone(pooler: RenderedPooler) -> None:
    with pooler.connect(CLIENT_USER) as client:
        client.execute("INSERT INTO chat (text) VALUES ('Hello')")
        assert client.execute("SELECT session_user, current_user").fetchall() == [(CLIENT_USER, CLIENT_ROLE)]
    with pytest.raises(psycopg.OperationalError, match="SASL authentication failed"):
        pooler.connect(CLIENT_USER, password="guess")
    assert "SCRAM-SHA-256$" not in pooler.log.read_text()


def test_no_other_role_and_no_other_database_is_behind_it(pooler: RenderedPooler) -> None:
    """Not even with its own password: a client that reaches PgBouncer gets no further than a web pod."""
    for user, password in {USER: PASSWORD, BACKUP_USER: BACKUP_PASSWORD, "postgres": "x", "pgbouncer": "x"}.items():
        with pytest.raises(psycopg.OperationalError, match="SASL authentication failed"):
            pooler.connect(user, password=password)
    with pytest.raises(psycopg.OperationalError, match="no such database"):
        pooler.connect(CLIENT_USER, dbname="postgres")
    with pytest.raises(psycopg.OperationalError, match=r"not allowed|denied|SASL authentication failed"):
        pooler.connect(CLIENT_USER, dbname="pgbouncer")


def test_a_session_has_what_a_session_has(pooler: RenderedPooler) -> None:
    with pooler.connect(CLIENT_USER) as first, pooler.connect(CLIENT_USER) as second:
        first.execute("SELECT pg_advisory_lock(42)")
        first.execute("SET statement_timeout = '7s'")
        first.execute("PREPARE kept AS SELECT 1")
        for number in range(10):
            first.execute("INSERT INTO chat (text) VALUES (%s)", (str(number),), prepare=True)
        assert second.execute("SELECT pg_try_advisory_lock(42)").fetchall() == [(False,)]
        assert first.execute("EXECUTE kept").fetchall() == [(1,)]
        assert first.execute("SHOW statement_timeout").fetchall() == [("7s",)]
        with first.transaction(), first.cursor() as cursor:
            cursor.executemany("INSERT INTO chat (text) VALUES (%s)", [(str(number),) for number in range(20)])
    with pooler.connect(CLIENT_USER) as third:
        free = "SELECT pg_try_advisory_lock(42)"
        wait_until(lambda: third.execute(free).fetchall() == [(True,)], "the lock of the session that ended", 10)
        assert third.execute("SELECT count(*) FROM chat").fetchall() == [(30,)]


def test_the_next_client_of_a_connection_begins_as_the_first_one(served: Database) -> None:
    """Also with the role that `ALTER ROLE … SET role` gives the sessions of the web pods."""
    pooler = in_front_of(served, changes={"default_pool_size": "1", "max_db_connections": "1"})
    state = "SELECT pg_backend_pid(), current_user, current_setting('statement_timeout')"
    with pooler.serving():
        with pooler.connect(CLIENT_USER) as first:
            began = first.execute(state).fetchall()
            assert began[0][1] == CLIENT_ROLE
            first.execute("SET statement_timeout = '7s'")
            first.execute("SET ROLE NONE")
            first.execute("PREPARE mine AS SELECT 1")
        with pooler.connect(CLIENT_USER) as second:
            assert second.execute(state).fetchall() == began, "the same connection, as it began"
            assert second.execute("SELECT count(*) FROM pg_prepared_statements").fetchall() == [(0,)]


class Endpoints:
    """The Service: ready PgBouncers in turn."""

    def __init__(self, *poolers: RenderedPooler) -> None:
        self.ready = list(poolers)
        self._turns = itertools.count()

    def connect(self, user: str) -> Any:
        ready = self.ready
        return ready[next(self._turns) % len(ready)].connect(user)


class Clients:
    """Web pods: connections that are kept, checked before each use, and given up when they have become old."""

    RECYCLE_SECONDS = 0.5

    def __init__(self, service: Endpoints) -> None:
        self.failures: list[str] = []
        self.statements: dict[str, int] = {}
        self._service = service
        self._threads: list[tuple[threading.Thread, threading.Event]] = []

    def start(self, user: str, number: int) -> None:
        for _ in range(number):
            ended = threading.Event()
            thread = threading.Thread(target=self._work, args=(user, ended))
            self._threads.append((thread, ended))
            thread.start()

    def stop(self) -> None:
        for _, ended in self._threads:
            ended.set()
        for thread, _ in self._threads:
            thread.join()
        self._threads = []

    def _work(self, user: str, ended: threading.Event) -> None:
        connection, since = None, 0.0
        while not ended.is_set():
            try:
                if connection is None or time.monotonic() - since > self.RECYCLE_SECONDS or not _lives(connection):
                    if connection is not None:
                        connection.close()
                    connection, since = self._service.connect(user), time.monotonic()
                connection.execute("INSERT INTO chat (text) VALUES (%s)", (user,))
                self.statements[user] = self.statements.get(user, 0) + 1
            except psycopg.Error as error:
                self.failures.append(str(error))
                connection = None
            time.sleep(0.01)
        if connection is not None:
            connection.close()


def _lives(connection: Any) -> bool:
    try:
        connection.execute("SELECT 1")
    except psycopg.Error:
        return False
    return True


def test_no_statement_fails_during_a_rotation(served: Database) -> None:
    """As Pulumi does it: new PgBouncers know both roles and are ready; the old ones leave; then the web pods follow."""
    old = in_front_of(served, "old")
    new = in_front_of(served, "new", passwords=ROTATED)
    with loading(served) as log, old.serving(signal.SIGTERM) as leaving, new.serving():
        service = Endpoints(old)
        clients = Clients(service)
        held = old.connect(CLIENT_USER)
        held.execute("PREPARE kept AS SELECT 1")
        clients.start(CLIENT_USER, 4)
        try:
            wait_until(lambda: clients.statements.get(CLIENT_USER, 0) > 20, "statements before the rotation", 20)
            service.ready = [new]
            leaving.send_signal(signal.SIGTERM)
            # The kubelet brings the server the new passwords later: `migrate` waits, and no other client notices.
            with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
                new.connect(client_user(2))
            served.write_roles({USER: "owner-2", **ROTATED, BACKUP_USER: "backup-2"})
            wait_until(lambda: loads(log) == 2, "the new passwords in the server", 20)
            # A session that is in use goes on until its client gives it up.
            for _ in range(20):
                assert held.execute("EXECUTE kept").fetchall() == [(1,)]
                time.sleep(0.05)
            with pytest.raises(psycopg.OperationalError, match=r"refused|shutting down|closed"):
                old.connect(CLIENT_USER)
            before = clients.statements[CLIENT_USER]
            clients.start(client_user(2), 4)
            wait_until(lambda: clients.statements.get(client_user(2), 0) > 20, "statements of the new role", 20)
            wait_until(lambda: clients.statements[CLIENT_USER] > before + 20, "statements of the previous role", 20)
            held.close()
            wait_until(lambda: leaving.poll() == 0, "the end of the old PgBouncer", 20)
        finally:
            clients.stop()
        assert clients.failures == []
        with served.connect("owner-2") as owner:
            rows = owner.execute("SELECT text, count(*) FROM chat GROUP BY text").fetchall()
        assert dict(rows) == clients.statements


def test_the_role_before_last_is_forgotten(served: Database) -> None:
    third = in_front_of(served, passwords={client_user(2): "second", client_user(3): "third"})
    with loading(served) as log, third.serving():
        served.write_roles(
            {USER: "owner-3", client_user(2): "second", client_user(3): "third", BACKUP_USER: "backup-3"}
        )
        wait_until(lambda: loads(log) == 2, "the new passwords in the server", 20)
        for number in (2, 3):
            third.connect(client_user(number)).close()
        with pytest.raises(psycopg.OperationalError, match="SASL authentication failed"):
            third.connect(CLIENT_USER, password=CLIENT_PASSWORD)


def test_clients_wait_while_the_server_restarts(database: Database) -> None:
    database.copied()
    pooler = in_front_of(database)
    with pooler.serving():
        with database.serving():
            with database.connect(autocommit=True) as owner:
                owner.execute("CREATE TABLE chat (id bigserial PRIMARY KEY, text text)")
            kept = pooler.connect(CLIENT_USER)
            kept.execute("INSERT INTO chat (text) VALUES ('before')")
        # The session is lost with its server, as without PgBouncer.
        with pytest.raises(psycopg.OperationalError):
            kept.execute("SELECT 1")
        answers: list[Any] = []

        def ask() -> None:
            try:
                with pooler.connect(CLIENT_USER) as client:
                    answers.append(client.execute("SELECT text FROM chat").fetchall())
            except psycopg.Error as error:
                answers.append(error)

        waiting = threading.Thread(target=ask)
        waiting.start()
        time.sleep(2)
        assert answers == [], "a new client waits"
        with database.serving():
            waiting.join(20)
            assert answers == [[("before",)]]


def test_in_transaction_mode_many_clients_share_few_connections(served: Database) -> None:
    """And prepared statements are not lost, which psycopg makes of everything that it repeats."""
    pooler = in_front_of(served, sets=TRANSACTION, changes={"default_pool_size": "5", "max_db_connections": "5"})
    clients = 40
    with pooler.serving():
        failures: list[str] = []

        def write() -> None:
            try:
                with pooler.connect(CLIENT_USER) as client:
                    for number in range(20):
                        with client.transaction(), client.cursor() as cursor:
                            cursor.executemany("INSERT INTO chat (text) VALUES (%s)", [(str(number),), ("x",)])
                        client.execute("SELECT count(*) FROM chat WHERE text = %s", (str(number),), prepare=True)
            except psycopg.Error as error:
                failures.append(str(error))

        threads = [threading.Thread(target=write) for _ in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        with served.connect() as owner:
            assert owner.execute("SELECT count(*) FROM chat").fetchall() == [(clients * 20 * 2,)]
            used = owner.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = %s", (CLIENT_USER,)).fetchall()
        assert 1 <= used[0][0] <= 5


def test_each_pooler_has_no_more_connections_than_its_share(served: Database) -> None:
    """A further client waits, and gets an error instead of hanging."""
    pooler = in_front_of(
        served, changes={"default_pool_size": "2", "max_db_connections": "2", "query_wait_timeout": "1"}
    )
    with pooler.serving(), pooler.connect(CLIENT_USER) as first, pooler.connect(CLIENT_USER) as second:
        first.execute("SELECT 1")
        second.execute("SELECT 1")
        with pytest.raises(psycopg.OperationalError, match="query_wait_timeout"):
            pooler.connect(CLIENT_USER).execute("SELECT 1")


def test_it_is_a_pooler_in_session_mode_for_the_scripts_of_the_pods(pooler: RenderedPooler, served: Database) -> None:
    """`migrate` goes past it; a session in it would do, too."""
    with pooler.connect(CLIENT_USER) as pooled, served.connect() as direct:
        pids = [c.execute("SELECT pg_backend_pid()").fetchall()[0][0] for c in (pooled, direct)]
        assert pids[0] != pooled.info.backend_pid
        assert pids[1] == direct.info.backend_pid


def test_the_console_is_closed_over_the_network(pooler: RenderedPooler) -> None:
    assert dict(row[:2] for row in pooler.console("SHOW CONFIG"))["max_prepared_statements"] == "200"
    for user in ("pgbouncer", CLIENT_USER):
        with pytest.raises(psycopg.OperationalError):
            pooler.connect(user, dbname="pgbouncer")
