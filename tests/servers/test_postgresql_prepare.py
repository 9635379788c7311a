"""prepare.sh and the server's configuration, as rendered, against a real PostgreSQL."""

import hashlib
import os
import pwd
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.servers.postgresql_database import PASSWORD, Database
from tests.support.servers.server_process import CONTAINER_USER, give_away, running, wait_until

AWKWARD_PASSWORDS = [
    "it's",
    "''; DROP ROLE postgres; --",
    'double"quote',
    "back\\slash\\'",
    "%s%d%%",
    "$HOME$(id)`id`${x}",
    ":password:'user':\"user\"",
    " spaces around ",
    "Grüße-密码",
    "\\n\\t\\x41",
]


def fingerprint(root: Path) -> dict[str, str]:
    """Every file below a directory with a digest of its content."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def one(connection: "psycopg.Connection[tuple[Any, ...]]", statement: str) -> Any:
    """First column of the only row."""
    row = connection.execute(statement.encode()).fetchone()
    assert row is not None
    return row[0]


def slow_program(database: Database, name: str) -> Path:
    """Put a program that never ends before the real one; returns the file that appears when it has been started."""
    directory = database.directory / "slow"
    directory.mkdir()
    give_away(directory)
    started = directory / "started"
    (directory / name).write_text(f"#!/bin/sh\n: >'{started}'\nexec sleep 300\n")
    (directory / name).chmod(0o755)
    database.search_path = f"{directory}:"
    return started


@pytest.mark.skipif(os.getuid() != 0, reason="only root can run as another user")
def test_the_containers_user_has_no_name_here_either() -> None:
    with pytest.raises(KeyError):
        pwd.getpwuid(CONTAINER_USER)


def test_first_start_makes_an_ordinary_role_and_its_own_utf8_database(database: Database) -> None:
    output = database.prepared()

    assert output.rstrip().endswith("prepare: Ready.")
    assert not list((database.directory / "tmp").iterdir())
    with database.serving(), database.connect() as connection:
        assert one(connection, "SHOW server_encoding") == "UTF8"
        assert one(connection, "SHOW data_checksums") == "on"
        assert f"max_connections = {one(connection, 'SHOW max_connections')}\n" in database.files["postgresql.conf"]
        keepalives = [one(connection, f"SHOW tcp_keepalives_{name}") for name in ("idle", "interval", "count")]
        assert keepalives == ["10", "5", "4"]
        mine = "pg_get_userbyid(datdba) = current_user"
        assert one(connection, f"SELECT {mine} FROM pg_database WHERE datname = current_database()") is True
        rights = "rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls"
        assert one(connection, f"SELECT {rights} FROM pg_roles WHERE rolname = current_user") is False


def test_the_application_can_make_its_tables_and_no_other_user_can_connect(database: Database) -> None:
    database.copied()
    with database.serving(), database.connect(autocommit=True) as connection:
        connection.execute("CREATE TABLE chat (id text PRIMARY KEY)")
        connection.execute("INSERT INTO chat VALUES ('1')")
        granted = "SELECT coalesce(bool_or(grantee = 0), false) FROM pg_database, aclexplode(datacl)"
        assert one(connection, f"{granted} WHERE datname = current_database()") is False


def test_another_start_keeps_the_data(database: Database) -> None:
    database.copied()
    with database.serving(), database.connect() as connection:
        connection.execute("CREATE TABLE chat AS SELECT 42 AS answer")

    output = database.prepared()

    assert "Creating a new cluster" not in output
    with database.serving(), database.connect() as connection:
        assert one(connection, "SELECT answer FROM chat") == 42


def test_a_rotated_password_replaces_the_old_one(database: Database) -> None:
    database.copied()
    database.write_password(b"second-Password-2")
    database.prepared()

    with database.serving():
        database.connect("second-Password-2").close()
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            database.connect(PASSWORD)


def test_any_password_is_set_as_it_is_written(database: Database) -> None:
    for password in AWKWARD_PASSWORDS:
        database.owner_only(password.encode())
        output = database.prepared()
        assert password not in output
        with database.serving():
            database.connect(password).close()
            with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
                database.connect(password + "x")
    assert not [password for password in AWKWARD_PASSWORDS if password in database.log.read_text()]


def test_an_error_of_the_server_does_not_show_the_password(database: Database) -> None:
    database.owner_only()
    database.copied()
    # A role that exists and that PostgreSQL lets no user alter: the statement with the password fails.
    database.environment = {**database.environment, "POSTGRES_USER": "pg_monitor"}

    result = database.prepare()

    assert result.returncode == 1
    assert "reserved" in result.stdout
    assert "could not be prepared; the reason is above" in result.stdout
    assert PASSWORD not in result.stdout


def test_a_password_that_is_no_text_is_refused_and_not_shown(database: Database) -> None:
    database.copied()
    database.owner_only(b"topsecret-\xff-word")

    result = database.prepare()

    assert result.returncode == 1
    assert "could not be prepared; the reason is above" in result.stdout
    assert "topsecret" not in result.stdout


@pytest.mark.parametrize("content", [b"", b"\n"])
def test_an_empty_password_is_refused(database: Database, content: bytes) -> None:
    database.owner_only(content)

    result = database.prepare()

    assert result.returncode == 1
    assert "is empty" in result.stdout
    assert not database.data.exists()


def test_only_the_application_and_only_its_database_over_the_network(database: Database) -> None:
    database.copied()
    with database.serving():
        for changes in ({"user": "postgres"}, {"user": "postgres", "dbname": "postgres"}, {"dbname": "postgres"}):
            with pytest.raises(psycopg.OperationalError, match=r"no pg_hba\.conf entry"):
                database.connect(**changes)


def test_the_superuser_comes_in_through_the_pods_socket(database: Database) -> None:
    database.copied()
    with database.serving(), database.connect(host=str(database.directory / "run"), user="postgres") as connection:
        errors = connection.execute("SELECT sourceline, error FROM pg_file_settings WHERE error IS NOT NULL").fetchall()
        assert errors == []
        assert one(connection, "SELECT count(*) FROM pg_hba_file_rules WHERE error IS NOT NULL") == 0


def test_half_a_cluster_is_replaced(database: Database) -> None:
    database.unfinished.mkdir()
    (database.unfinished / "PG_VERSION").write_text("15\n")
    for path in (database.unfinished, database.unfinished / "PG_VERSION"):
        give_away(path)

    output = database.prepared()

    assert f"Removing {database.unfinished}" in output
    assert not database.unfinished.exists()
    with database.serving():
        database.connect().close()


@contextmanager
def preparing(database: Database, stop_signal: int) -> Iterator["subprocess.Popen[bytes]"]:
    log = database.directory / "prepare.log"
    with running(
        database.command,
        directory=database.directory,
        log=log,
        stop_signal=stop_signal,
        environment=database.variables(),
    ) as process:
        yield process


def test_a_killed_initdb_leaves_nothing_that_looks_like_data(database: Database) -> None:
    with preparing(database, signal.SIGTERM) as process:
        wait_until(lambda: (database.unfinished / "PG_VERSION").exists(), "initdb has begun")
        os.killpg(process.pid, signal.SIGKILL)
        assert process.wait(30) == -signal.SIGKILL
    assert database.unfinished.exists()
    assert not database.data.exists()

    database.copied()

    with database.serving():
        database.connect().close()


def test_sigterm_ends_initdb(database: Database) -> None:
    started = slow_program(database, "initdb")
    with preparing(database, signal.SIGKILL) as process:
        wait_until(started.exists, "initdb has begun")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 128 + signal.SIGTERM
    assert not database.data.exists()
    assert not list((database.directory / "tmp").iterdir())


def test_sigterm_stops_the_private_server(database: Database) -> None:
    database.copied()
    started = slow_program(database, "psql")
    with preparing(database, signal.SIGKILL) as process:
        wait_until(started.exists, "psql has begun")
        assert (database.data / "postmaster.pid").exists()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 128 + signal.SIGTERM
    assert not (database.data / "postmaster.pid").exists()
    assert "database system is shut down" in (database.directory / "prepare.log").read_text()
    assert not list((database.directory / "tmp").iterdir())


def test_data_survives_a_crash_of_the_server(database: Database) -> None:
    database.copied()
    with database.serving(stop_signal=signal.SIGKILL), database.connect() as connection:
        connection.execute("CREATE TABLE chat AS SELECT 42 AS answer")
        connection.commit()
    assert (database.data / "postmaster.pid").exists()

    assert "automatic recovery in progress" in database.prepared()

    with database.serving(), database.connect() as connection:
        assert one(connection, "SELECT answer FROM chat") == 42


def test_another_major_version_is_refused_and_nothing_changes(database: Database) -> None:
    database.copied()
    version = database.data / "PG_VERSION"
    ours = version.read_text().strip()
    version.write_text("9\n")
    before = fingerprint(database.data)

    result = database.prepare()

    assert result.returncode == 1
    assert f"was written by PostgreSQL 9, but this image has PostgreSQL {ours}" in result.stdout
    assert "pg_dump" in result.stdout
    assert fingerprint(database.data) == before


def test_a_directory_with_something_else_in_it_is_refused(database: Database) -> None:
    database.data.mkdir()
    (database.data / "holiday.jpg").write_bytes(b"beach")

    result = database.prepare()

    assert result.returncode == 1
    assert "it is not a PostgreSQL data directory. Nothing was changed" in result.stdout
    assert fingerprint(database.directory / "volume") == {"pgdata/holiday.jpg": hashlib.sha256(b"beach").hexdigest()}


def test_pgvector_is_installed_where_the_server_has_it(database: Database) -> None:
    output = database.prepared()

    with database.serving(), database.connect() as connection:
        available = one(connection, "SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'")
        installed = one(connection, "SELECT count(*) FROM pg_extension WHERE extname = 'vector'")
    assert installed == available
    assert ("no pgvector" in output) is (available == 0)


def test_the_superuser_is_not_taken_for_the_application(database: Database) -> None:
    database.environment = {**database.environment, "POSTGRES_USER": "postgres"}

    result = database.prepare()

    assert result.returncode == 1
    assert "name another role" in result.stdout
