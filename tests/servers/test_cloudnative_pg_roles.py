"""The roles of a cluster of CloudNativePG in a real PostgreSQL: the operator's statements, and then `migrate`."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from components.postgresql.names import BACKUP_USER, CLIENT_ROLE, CLIENT_USERS, DATABASE, USER
from tests.support.servers.external_postgresql import own_directory
from tests.support.servers.fake_open_webui import FakeOpenWebUI
from tests.support.servers.operated_postgresql import OperatedPostgreSQL, encrypted_postgresql, operated_postgresql
from tests.support.servers.postgresql_database import Database
from tests.support.servers.server_process import postgresql_programs, postgresql_with_pgvector
from tests.support.unit.effects_on_cloudnative_pg import ON
from tests.support.unit.recording import Recording, run

Connection = psycopg.Connection[tuple[Any, ...]]


@cache
def stack(rotation: int = 1) -> Recording:
    """What the stack creates after so many rotations."""
    return run("dev", (*ON, f"rotate.postgresql={rotation}"))


@pytest.fixture
def image(directory: Path, tmp_path: Path) -> FakeOpenWebUI:
    """An image. The database that it brings is not started."""
    environment = {"POSTGRES_USER": USER, "POSTGRES_DB": DATABASE}
    unused = Database(own_directory(directory, "unused"), {}, environment, programs="")
    return FakeOpenWebUI(tmp_path, unused)


@pytest.fixture
def postgresql(directory: Path) -> Iterator[OperatedPostgreSQL]:
    """A server after `initdb`."""
    with operated_postgresql(directory, postgresql_with_pgvector(), stack()) as operated:
        yield operated


@pytest.fixture
def migrated(postgresql: OperatedPostgreSQL, image: FakeOpenWebUI) -> OperatedPostgreSQL:
    """The same with its roles, after the first web pod."""
    postgresql.follow_roles()
    migrate(postgresql, image)
    return postgresql


def migrate(postgresql: OperatedPostgreSQL, image: FakeOpenWebUI, **environment: str) -> str:
    status, output = image.run(**{**postgresql.environment(), **environment})
    assert status == 0, output
    for key in ("owner-url", "client-url"):
        assert postgresql.login(key)[1] not in output
    return output


def refused(connection: Connection, statement: str) -> None:
    with pytest.raises(InsufficientPrivilege):
        connection.execute(statement.encode())


def accepts(postgresql: OperatedPostgreSQL, login: tuple[str, str]) -> bool:
    try:
        postgresql.connect(*login).close()
    except psycopg.OperationalError as error:
        if "password authentication failed" in str(error):
            return False
        raise
    return True


def test_the_application_has_the_rows_and_not_the_tables_of_the_owner(migrated: OperatedPostgreSQL) -> None:
    with migrated.client() as client:
        assert client.execute("SELECT version_num FROM alembic_version").fetchall() == [("bbbb",)]
        client.execute("UPDATE fake SET served = false")
        client.execute("CREATE INDEX IF NOT EXISTS own ON document_chunk USING hnsw (vector vector_l2_ops)")
        for statement in (
            "DROP TABLE fake",
            "ALTER TABLE fake ADD COLUMN owner text",
            "CREATE SCHEMA other",
            f"SET ROLE {USER}",
            f"ALTER ROLE {USER} PASSWORD 'x'",
            f"ALTER ROLE {CLIENT_USERS[0]} PASSWORD 'x'",
            "SELECT rolpassword FROM pg_authid",
            "COPY fake TO PROGRAM 'cat'",
        ):
            refused(client, statement)
    with migrated.owner() as owner:
        rights = "(rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls)"
        mighty = f"SELECT rolname FROM pg_roles WHERE {rights} AND rolname LIKE 'ragsystem%'"
        assert owner.execute(mighty.encode()).fetchall() == []
        owner.execute("ALTER TABLE document_chunk ADD COLUMN vmetadata jsonb")


def test_what_one_role_of_the_application_creates_the_other_one_may_change(
    migrated: OperatedPostgreSQL, image: FakeOpenWebUI
) -> None:
    with migrated.client() as client:
        client.execute("CREATE TABLE plugin AS SELECT 42 AS answer")
    migrated.follow(stack(2))
    assert f"The sessions of {CLIENT_USERS[1]} begin as {CLIENT_ROLE}." in migrate(migrated, image)
    with migrated.client() as other:
        assert other.execute("SELECT session_user::text").fetchone() == (CLIENT_USERS[1],)
        other.execute("ALTER TABLE plugin ADD COLUMN question text")
    # The operator looks again at every change, and leaves what it does not know of.
    migrated.follow_roles()
    assert "begin as" not in migrate(migrated, image)
    with migrated.client() as other:
        assert other.execute("SELECT current_user::text").fetchone() == (CLIENT_ROLE,)


def test_the_previous_role_logs_in_until_the_next_rotation(migrated: OperatedPostgreSQL, image: FakeOpenWebUI) -> None:
    first, owner = migrated.login("client-url"), migrated.login("owner-url")
    with migrated.client() as old_session:
        migrated.follow(stack(2))
        migrate(migrated, image)
        second = migrated.login("client-url")
        assert {first[0], second[0]} == {*CLIENT_USERS}
        assert accepts(migrated, first)
        assert accepts(migrated, second)
        assert not accepts(migrated, owner), "the password of the owner is another one"
        migrated.follow(stack(3))
        migrate(migrated, image)
        assert not accepts(migrated, first)
        assert accepts(migrated, second)
        assert accepts(migrated, migrated.login("client-url"))
        assert old_session.execute("SELECT count(*) FROM fake").fetchone() == (1,)


def test_a_web_pod_waits_for_the_login_with_which_it_will_serve(
    migrated: OperatedPostgreSQL, image: FakeOpenWebUI
) -> None:
    """The operator sets one password after the other, and the owner's may be there first."""
    migrated.recording = stack(2)
    migrated.follow_owner()
    waits = {"MIGRATE_DATABASE_WAIT_SECONDS": "1"}
    status, output = image.run(**migrated.environment(), **waits)
    assert status == 1
    assert "After a rotation the server accepts the new password" in output
    migrated.follow_roles()
    migrate(migrated, image, **waits)


def test_the_backup_reads_everything_and_writes_nothing(migrated: OperatedPostgreSQL) -> None:
    password = migrated.recording.one("Secret", "postgresql-secret").plain("stringData", "backup-password")
    with migrated.client() as client:
        client.execute("CREATE TABLE plugin AS SELECT 42 AS answer")
    with migrated.connect(BACKUP_USER, password) as backup:
        assert backup.execute("SELECT answer FROM plugin").fetchall() == [(42,)]
        for statement in ("DELETE FROM fake", "CREATE TABLE public.other (id int)", f"SET ROLE {CLIENT_ROLE}"):
            refused(backup, statement)


def test_only_the_roles_of_the_stack_only_its_database_and_only_with_tls(directory: Path) -> None:
    with encrypted_postgresql(directory, postgresql_programs(), stack()) as encrypted:
        encrypted.follow_roles()
        encrypted.server.as_superuser("CREATE ROLE another LOGIN PASSWORD 'another'", database="postgres")
        own = encrypted.login("client-url")
        encrypted.connect(*own).close()
        encrypted.owner().close()
        for login, parameters in (
            (("another", "another"), {}),
            (("postgres", "another"), {}),
            ((CLIENT_ROLE, "another"), {}),
            (own, {"dbname": "postgres"}),
            (own, {"sslmode": "disable"}),
        ):
            with pytest.raises(psycopg.OperationalError, match=r"pg_hba\.conf rejects connection"):
                encrypted.connect(*login, **parameters)


def test_a_database_of_one_role_is_adopted(postgresql: OperatedPostgreSQL, image: FakeOpenWebUI) -> None:
    """As the stack created it before there were roles: the owner serves, and has made all tables."""
    own = postgresql.environment()["DATABASE_URL"]
    status, output = image.run(DATABASE_URL=own)
    assert status == 0, output
    with postgresql.owner() as serving:
        postgresql.follow_roles()
        migrate(postgresql, image)
        with postgresql.client() as client:
            assert client.execute("SELECT count(*) FROM fake").fetchone() == (1,)
            refused(client, "DROP TABLE fake")
        serving.execute("SELECT * FROM document_chunk")
        # The way back.
        serving.execute("DROP TABLE fake, document_chunk")
