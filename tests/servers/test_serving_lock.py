"""The locks of a handover of the schema, with a fake Open WebUI: who serves, who waits, and who may migrate."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from components.open_webui.files.startup.handover import ATTEMPTS
from components.postgresql.names import CLIENT_USERS
from tests.support.servers.fake_releases import FakeRelease, Process
from tests.support.servers.postgresql_database import CLIENT_USER, Database
from tests.support.servers.server_process import wait_until


@pytest.fixture
def stopped(database: Database, tmp_path: Path) -> Iterator[tuple[FakeRelease, FakeRelease]]:
    """Both releases, and a database that is not running."""
    database.copied()
    old = FakeRelease(tmp_path / "old", database, "1.0.0", ("aaaa",))
    new = FakeRelease(tmp_path / "new", database, "2.0.0", ("aaaa", "bbbb"))
    try:
        yield old, new
    finally:
        old.close()
        new.close()


@pytest.fixture
def releases(stopped: tuple[FakeRelease, FakeRelease]) -> Iterator[tuple[FakeRelease, FakeRelease]]:
    """Both releases, on a database of the older one."""
    with stopped[0].database.serving():
        stopped[0].migrated()
        yield stopped


@contextmanager
def session(release: FakeRelease, name: str = "migrate test") -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    """A session of the owner, which a handover does not count as a server's unless it has another name."""
    with release.database.connect(autocommit=True, application_name=name) as connection:
        yield connection


def revision(release: FakeRelease) -> object:
    with session(release) as connection:
        return connection.execute(b"SELECT version_num FROM alembic_version").fetchall()


def serving(release: FakeRelease, number: int = 1) -> list[Process]:
    servers = [release.serve() for _ in range(number)]
    for server in servers:
        server.serves()
    return servers


def test_servers_serve_until_a_release_is_ready_and_the_new_one_serves_after_it(
    releases: tuple[FakeRelease, FakeRelease],
) -> None:
    old, new = releases
    servers = serving(old, 2)
    migration = new.migrate()
    migration.logs("Everything is ready")
    before = migration.log
    assert "Open WebUI 2.0.0 starts on a database at revision aaaa" in before

    assert migration.ended() == 0, migration.log
    assert "No server serves after " in migration.log
    assert revision(new) == [("bbbb",)]
    for server in servers:
        server.logs("the database is at revision bbbb, and Open WebUI 1.0.0 serves aaaa only.")
        assert "Drained for " in server.log
        # Alive for the kubelet, and not ready.
        assert (server.status("/health"), server.status(), server.status("/stream/0")) == (200, 503, 503)
    [successor] = serving(new)
    # A server of the previous release that starts late never serves.
    late = old.serve()
    late.logs("Open WebUI 1.0.0 serves aaaa only.")
    time.sleep(1)
    assert (late.status("/health"), late.status()) == (200, 503)
    assert [server.process.poll() for server in (*servers, late, successor)] == [None] * 4
    assert successor.status() == 200
    # Nothing of the attempt remains.
    assert "Nothing to do" in new.migrated()
    with session(new) as connection:
        assert connection.execute(b"SELECT to_regclass(%s)", (ATTEMPTS,)).fetchone() == (None,)


def test_an_answer_in_progress_is_finished_before_the_migration(releases: tuple[FakeRelease, FakeRelease]) -> None:
    old, new = releases
    [server] = serving(old)
    migration = new.migrate()
    # Long enough for the import and the announcement.
    server.status("/answer/8")
    migration.logs("Everything is ready")
    server.logs("Draining for at most 20 s; in progress: tasks 1")
    assert server.status() == 503, "not ready, so that requests reach another replica"
    assert server.status("/stream/0") == 200, "it serves until its work is finished"
    assert "The migration begins" not in migration.log
    assert migration.ended() == 0, migration.log
    assert (old.directory / "backend" / "done").read_text() == "answer\n"


@pytest.mark.parametrize("how", ["fails", "is-killed-while-it-migrates", "is-killed-while-servers-drain"])
def test_after_a_migration_that(how: str, releases: tuple[FakeRelease, FakeRelease]) -> None:
    old, new = releases
    servers = serving(old, 2)
    with session(old) as blocker:
        if how == "fails":
            migration = new.migrate(FAKE_ERROR="1")
            assert migration.ended() == 1
            assert "the migration failed" in migration.log
        elif how == "is-killed-while-it-migrates":
            blocker.execute(b"BEGIN")
            blocker.execute(b"LOCK TABLE chat IN ACCESS SHARE MODE")
            migration = new.migrate()
            migration.logs("The migration begins")
            for server in servers:
                server.waits()
            migration.kill()
        else:
            servers[0].status("/answer/15")
            migration = new.migrate()
            migration.logs("Everything is ready")
            servers[0].logs("Draining for")
            servers[1].logs("Drained for")
            migration.kill()
    for server in servers:
        server.logs("Starts again")
        server.serves()
        assert server.process.poll() is None, "the container goes on"
    assert revision(old) == [("aaaa",)]
    # Kubernetes starts the init container again at once, which must not interrupt again at once.
    again = new.migrate()
    assert again.ended() == 1
    assert "The next one begins after 600 s, or after: DROP TABLE " in again.log
    assert [server.status() for server in servers] == [200, 200]
    # Without servers there is nothing to interrupt.
    for server in servers:
        server.kill()
    assert "The migration begins" in new.migrated()


def test_a_server_that_does_not_take_part_prevents_the_migration(releases: tuple[FakeRelease, FakeRelease]) -> None:
    old, new = releases
    [server] = serving(old)
    with old.database.connect(user=CLIENT_USER, password="client-Password-1", autocommit=True):
        migration = new.migrate(MIGRATE_HANDOVER_SECONDS="5")
        assert migration.ended() == 1
    assert f"1 session(s) of {CLIENT_USER} use the database and do not take part." in migration.log
    server.serves()
    assert revision(old) == [("aaaa",)]


def test_a_release_that_reads_the_database_when_it_is_imported_is_refused_before_anything_stops(
    releases: tuple[FakeRelease, FakeRelease],
) -> None:
    old, new = releases
    [server] = serving(old)
    migration = new.migrate(FAKE_READS_AT_IMPORT="1")
    assert migration.ended() == 1
    assert "Set openWebui.schemaUpgrade to replace." in migration.log
    assert server.status() == 200
    assert "about to migrate" not in server.log


def test_a_restart_of_the_database_and_of_a_server_change_nothing(stopped: tuple[FakeRelease, FakeRelease]) -> None:
    old, _ = stopped
    with old.database.serving():
        old.migrated()
        [server] = serving(old)
    time.sleep(2)
    server.logs("The session of the serving lock has ended")
    assert server.status() == 200, "it keeps on, as it cannot use the database either"
    with old.database.serving():
        server.logs("Holds the serving lock again.")
        assert "Starts again" not in server.log
        other = serving(old)[0]
        # Both hold it: a migration waits for both.
        with session(old) as connection:
            holders = b"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock' AND granted"
            assert connection.execute(holders).fetchone() == (2,)
        other.process.terminate()
        assert other.ended() == -15
        assert server.status() == 200


def test_a_server_whose_session_is_lost_during_a_migration_stops_at_once(
    releases: tuple[FakeRelease, FakeRelease],
) -> None:
    old, new = releases
    [server] = serving(old)
    server.status("/answer/60")
    with session(old) as connection:
        connection.execute(b"BEGIN")
        connection.execute(b"LOCK TABLE chat IN ACCESS SHARE MODE")
        migration = new.migrate()
        migration.logs("Everything is ready")
        server.logs("Draining")
        old.database.as_superuser(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name ~ '^serve '"
        )
        migration.logs("The migration begins")
        server.logs("Stops serving at once")
        wait_until(lambda: server.status("/stream/0") == 503, "it has stopped", 10)
        migration.kill()
    server.serves()


def test_a_rotation_of_the_password_does_not_end_the_lock(releases: tuple[FakeRelease, FakeRelease]) -> None:
    old, new = releases
    [server] = serving(old)
    # A rotation gives the role that is not in use a new password, and the pods roll.
    following, password = CLIENT_USERS[1], "another-Password-2"
    for user in (following, CLIENT_USER):
        old.database.as_superuser(f"ALTER ROLE {user} LOGIN PASSWORD '{password}'")
    second = old.serve(following, password)
    second.serves()
    assert server.status() == 200
    assert "has ended" not in server.log
    # Both stop for a migration.
    migration = new.migrate(MIGRATE_CLIENT_URL=new.url(following, password))
    assert migration.ended() == 0, migration.log
    for each in (server, second):
        each.logs("Drained for")
        assert each.status() in (0, 503)
