"""The roles of a real PostgreSQL, as the rendered scripts create them: rights, and a rotation in the running server."""

import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from components.postgresql.names import BACKUP_USER, CLIENT_ROLE, CLIENT_USERS, USER, client_user
from tests.support.servers.load_roles import loading, loads, watching
from tests.support.servers.postgresql_database import (
    BACKUP_PASSWORD,
    CLIENT_PASSWORD,
    CLIENT_USER,
    PASSWORD,
    Database,
)
from tests.support.servers.server_process import wait_until

Connection = psycopg.Connection[tuple[Any, ...]]

CHATS = "CREATE TABLE chat (id bigserial PRIMARY KEY, text text); INSERT INTO chat (text) VALUES ('Hello')"


def as_client(database: Database, number: int = 1, password: str = CLIENT_PASSWORD) -> Connection:
    """A session of the role with which the application serves after so many rotations."""
    return database.connect(password, user=client_user(number), autocommit=True)


def as_backup(database: Database) -> Connection:
    return database.connect(BACKUP_PASSWORD, user=BACKUP_USER, autocommit=True)


def as_superuser(database: Database) -> Connection:
    return database.connect(host=str(database.directory / "run"), user="postgres", autocommit=True)


@pytest.fixture
def served(database: Database) -> Iterator[Database]:
    """A running server with a table of the owner."""
    database.copied()
    with database.serving():
        with database.connect(autocommit=True) as owner:
            owner.execute(CHATS.encode())
        yield database


def refused(connection: Connection, statement: str) -> None:
    with pytest.raises(InsufficientPrivilege):
        connection.execute(statement.encode())


def test_the_application_has_the_rows_and_not_the_tables_of_the_owner(served: Database) -> None:
    with as_client(served) as client:
        client.execute("INSERT INTO chat (text) VALUES ('Good evening')")
        client.execute("UPDATE chat SET text = 'Bye' WHERE id = 2")
        client.execute("DELETE FROM chat WHERE id = 2")
        assert client.execute("SELECT text FROM chat").fetchall() == [("Hello",)]
        for statement in (
            "DROP TABLE chat",
            "ALTER TABLE chat ADD COLUMN owner text",
            "CREATE INDEX ON chat (text)",
            "DROP SCHEMA public CASCADE",
            "CREATE SCHEMA other",
            "CREATE EXTENSION pgcrypto",
            f"SET ROLE {USER}",
            f"ALTER ROLE {USER} PASSWORD 'x'",
            f"ALTER ROLE {CLIENT_USERS[1]} PASSWORD 'x'",
            "SELECT rolpassword FROM pg_authid",
            "SELECT pg_read_file('/etc/passwd')",
            "COPY chat TO PROGRAM 'cat'",
        ):
            refused(client, statement)


def test_what_one_role_of_the_application_creates_the_other_one_may_change(served: Database) -> None:
    with as_client(served) as client:
        client.execute("CREATE TABLE plugin AS SELECT 42 AS answer")
    served.write_roles({USER: PASSWORD, client_user(2): "second", BACKUP_USER: BACKUP_PASSWORD})
    with loading(served), as_client(served, 2, "second") as other:
        owner = "SELECT relowner::regrole::text FROM pg_class WHERE relname = 'plugin'"
        assert other.execute(owner.encode()).fetchall() == [(CLIENT_ROLE,)]
        other.execute("ALTER TABLE plugin ADD COLUMN question text")
        with served.connect(autocommit=True) as migrating:
            migrating.execute("ALTER TABLE plugin DROP COLUMN question")


def test_the_backup_reads_everything_and_writes_nothing(served: Database) -> None:
    with as_client(served) as client:
        client.execute("CREATE TABLE plugin AS SELECT 42 AS answer")
    with as_backup(served) as backup:
        assert backup.execute("SELECT text FROM chat").fetchall() == [("Hello",)]
        assert backup.execute("SELECT last_value FROM chat_id_seq").fetchall() == [(1,)]
        assert backup.execute("SELECT answer FROM plugin").fetchall() == [(42,)]
        for statement in (
            "INSERT INTO chat (text) VALUES ('x')",
            "UPDATE chat SET text = 'x'",
            "DELETE FROM chat",
            "TRUNCATE chat",
            "SELECT nextval('chat_id_seq')",
            "CREATE TABLE public.other (id int)",
            "CREATE TEMPORARY TABLE other (id int)",
            "DROP TABLE chat",
            "CREATE SCHEMA other",
            f"SET ROLE {CLIENT_ROLE}",
            f"SET ROLE {USER}",
            "SELECT pg_read_file('/etc/passwd')",
            "COPY chat TO PROGRAM 'cat'",
        ):
            refused(backup, statement)
        # pg_read_all_data includes the catalogs. No password is in them, and the roles without a verifier cannot log in
        # over the network.
        rows = backup.execute("SELECT rolname, rolpassword FROM pg_authid WHERE rolcanlogin").fetchall()
        stored: dict[str, str | None] = dict(rows)
        assert stored.keys() == {USER, CLIENT_USER, BACKUP_USER, "postgres", "exporter"}
        assert (stored.pop("postgres"), stored.pop("exporter")) == (None, None)
        assert all(verifier and verifier.startswith("SCRAM-SHA-256$") for verifier in stored.values())


def test_every_role_can_look_for_the_record_of_the_backups_before_there_is_one(served: Database) -> None:
    with as_superuser(served) as superuser:
        superuser.execute("SET ROLE exporter")
        assert superuser.execute("SELECT to_regclass('open_webui_stack.backup')").fetchall() == [(None,)]


def test_only_the_roles_of_the_stack_and_only_its_database_over_the_network(served: Database) -> None:
    with as_superuser(served) as superuser:
        superuser.execute("CREATE ROLE another LOGIN PASSWORD 'another'")
    logins = {USER: PASSWORD, CLIENT_USER: CLIENT_PASSWORD, BACKUP_USER: BACKUP_PASSWORD}
    for user, password in logins.items():
        served.connect(password, user=user).close()
        with pytest.raises(psycopg.OperationalError, match=r"no pg_hba\.conf entry"):
            served.connect(password, user=user, dbname="postgres")
    for user in ("postgres", "another", CLIENT_ROLE):
        with pytest.raises(psycopg.OperationalError, match=r"no pg_hba\.conf entry"):
            served.connect("another", user=user)


def test_before_the_first_rotation_the_other_role_may_not_log_in(served: Database) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        as_client(served, 2, "guess")
    with as_superuser(served) as superuser:
        rows = superuser.execute("SELECT rolcanlogin FROM pg_roles WHERE rolname = %s", (CLIENT_USERS[1],)).fetchall()
    assert rows == [(False,)]


def test_an_existing_database_of_one_role_is_adopted_without_loss(database: Database) -> None:
    """As an earlier version of the stack prepared it: its role owns everything."""
    files = database.roles.readlink()
    database.owner_only()
    database.copied()
    with database.serving(), database.connect(autocommit=True) as connection:
        connection.execute(CHATS.encode())
        connection.execute("CREATE TABLE document_chunk AS SELECT 'a'::text AS id")
    database.roles.symlink_to(files)

    assert "Setting the passwords and the rights of the other roles" in database.prepared()

    with database.serving():
        with as_client(database) as client:
            assert client.execute("SELECT text FROM chat").fetchall() == [("Hello",)]
            client.execute("CREATE INDEX IF NOT EXISTS idx_document_chunk_id ON document_chunk (id)")
            refused(client, "DROP TABLE chat")
        # The way back: the earlier version has one role for everything.
        with database.connect(autocommit=True) as owner:
            owner.execute("ALTER TABLE chat ADD COLUMN title text")
            owner.execute("ALTER TABLE document_chunk ADD COLUMN vmetadata jsonb")
            owner.execute("CREATE INDEX ON document_chunk (vmetadata)")
    database.owner_only()
    database.prepared()
    with database.serving(), database.connect(autocommit=True) as owner:
        owner.execute("DROP TABLE chat, document_chunk")


def accepts(database: Database, number: int, password: str) -> bool:
    try:
        as_client(database, number, password).close()
    except psycopg.OperationalError as error:
        if "password authentication failed" in str(error):
            return False
        raise
    return True


def test_a_rotated_password_is_valid_without_a_restart_and_the_previous_one_until_the_next(served: Database) -> None:
    open_before = as_client(served)
    with loading(served) as log:
        served.write_roles(
            {USER: "owner-2", client_user(1): CLIENT_PASSWORD, client_user(2): "second", BACKUP_USER: "backup-2"}
        )
        wait_until(lambda: loads(log) == 2, "the second load", 20)
        assert accepts(served, 2, "second")
        assert accepts(served, 1, CLIENT_PASSWORD)
        served.connect("owner-2").close()
        served.connect("backup-2", user=BACKUP_USER).close()
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            served.connect(PASSWORD)

        served.write_roles(
            {USER: "owner-3", client_user(3): "third", client_user(2): "second", BACKUP_USER: "backup-3"}
        )
        wait_until(lambda: loads(log) == 3, "the third load", 20)
        assert accepts(served, 3, "third")
        assert accepts(served, 2, "second")
        assert not accepts(served, 1, CLIENT_PASSWORD)
        # A session outlives the password that it began with.
        assert open_before.execute("SELECT text FROM chat").fetchall() == [("Hello",)]
    open_before.close()
    assert "SCRAM-SHA-256" not in log.read_text() + served.log.read_text()


def test_no_request_fails_during_a_rotation(served: Database) -> None:
    """A client of the previous password connects for every request, until clients of the new one have replaced it."""
    failures: list[str] = []
    finished, requests = threading.Event(), 0

    def request_continuously() -> None:
        nonlocal requests
        while not finished.is_set():
            try:
                with as_client(served) as client:
                    client.execute("INSERT INTO chat (text) VALUES ('again')")
                requests += 1
            except psycopg.Error as error:
                failures.append(str(error))

    with loading(served) as log:
        thread = threading.Thread(target=request_continuously)
        thread.start()
        try:
            wait_until(lambda: requests > 5, "requests before the rotation", 20)
            served.write_roles(
                {USER: "owner-2", client_user(1): CLIENT_PASSWORD, client_user(2): "second", BACKUP_USER: "backup-2"}
            )
            wait_until(lambda: loads(log) == 2, "the new passwords", 20)
            before = requests
            wait_until(lambda: requests > before + 5, "requests after the rotation", 20)
        finally:
            finished.set()
            thread.join()
    assert failures == []


@pytest.mark.parametrize(
    ("content", "role"),
    [("", CLIENT_USER), ("plain-password", CLIENT_USER), ("SCRAM-SHA-256$4096:", USER), (None, BACKUP_USER)],
    ids=["empty", "a password", "half a verifier", "missing"],
)
def test_a_wrong_file_changes_no_password(served: Database, content: str | None, role: str) -> None:
    with loading(served) as log:
        served.write_roles({USER: "owner-2", CLIENT_USER: "client-2", BACKUP_USER: "backup-2"})
        wait_until(lambda: loads(log) == 2, "the second load", 20)
        served.write_roles({USER: "owner-3", CLIENT_USER: "client-3", BACKUP_USER: "backup-3"})
        file = served.roles / role
        if content is None:
            file.unlink()
        else:
            file.write_text(content)
        wait_until(lambda: "The passwords stay as they are" in log.read_text(), "the refusal", 20)
        assert accepts(served, 1, "client-2")
        assert not accepts(served, 1, "client-3")
        served.connect("owner-2").close()
        # The kubelet brings the right files.
        served.write_roles({USER: "owner-3", CLIENT_USER: "client-3", BACKUP_USER: "backup-3"})
        wait_until(lambda: accepts(served, 1, "client-3"), "the right password", 20)
    assert "plain-password" not in log.read_text() + served.log.read_text()


def test_a_wrong_file_stops_the_start(database: Database) -> None:
    database.copied()
    (database.roles / CLIENT_USER).write_text("plain-password")

    result = database.prepare()

    assert result.returncode == 1
    assert "does not hold a SCRAM-SHA-256 verifier" in result.stdout
    assert "The other roles could not be prepared; the reason is above." in result.stdout
    assert "plain-password" not in result.stdout


def test_a_kill_in_the_middle_changes_every_password_or_none(served: Database) -> None:
    """The last statement waits for a lock while the process is killed."""
    with as_superuser(served) as blocker:
        blocker.execute("BEGIN")
        blocker.execute(f"ALTER ROLE {BACKUP_USER} CONNECTION LIMIT 7".encode())
        files = {USER: "owner-2", CLIENT_USER: "client-2", BACKUP_USER: "backup-2"}
        served.write_roles(files)
        with (
            watching(served, served.directory / "killed.log", signal.SIGKILL) as process,
            as_superuser(served) as watcher,
        ):
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            wait_until(lambda: watcher.execute(waiting.encode()).fetchone() == (1,), "the statement waits", 20)
            os.killpg(process.pid, signal.SIGKILL)
        blocker.execute("ROLLBACK")
    served.connect(PASSWORD).close()
    assert accepts(served, 1, CLIENT_PASSWORD)
    with loading(served):
        assert accepts(served, 1, "client-2")
        served.connect("owner-2").close()
