"""PgBouncer of the stack in front of a server that the stack did not set up; `migrate` goes past it."""

from pathlib import Path

import psycopg
import pytest

from components.postgresql.names import CLIENT_USERS
from components.postgresql.pooler.configuration import external_server_ini
from components.postgresql.topologies.external_url import PARAMETERS
from tests.support.servers.external_postgresql import (
    DATABASE,
    PASSWORD,
    ROLE,
    ExternalPostgreSQL,
    own_directory,
)
from tests.support.servers.external_postgresql import place as place
from tests.support.servers.external_postgresql import server as server
from tests.support.servers.fake_open_webui import FakeOpenWebUI
from tests.support.servers.postgresql_database import Database
from tests.support.servers.rendered_pooler import ON, RenderedPooler

WEB = {CLIENT_USERS[0]: "of-the-web-pods"}
SESSION = "SELECT session_user, current_database()"
TRANSACTION = (*ON, "postgresql.pooler.mode=transaction")


def in_front_of(
    server: ExternalPostgreSQL, directory: Path, url: str = "", sets: tuple[str, ...] = ON
) -> RenderedPooler:
    return RenderedPooler(directory / "pooler", external_server_ini(url or server.url()), WEB, sets, plain=True)


def test_clients_log_in_to_pgbouncer_and_pgbouncer_to_the_server(server: ExternalPostgreSQL, directory: Path) -> None:
    pooler = in_front_of(server, directory)
    with pooler.serving():
        with pooler.connect(CLIENT_USERS[0]) as client:
            assert client.execute(SESSION).fetchall() == [(ROLE, DATABASE)]
        for user, password in {CLIENT_USERS[0]: "guess", ROLE: PASSWORD, "postgres": "x"}.items():
            with pytest.raises(psycopg.OperationalError, match="SASL authentication failed"):
                pooler.connect(user, password=password)
    assert PASSWORD not in pooler.log.read_text()


def test_another_login_of_the_server_is_nothing_to_the_clients(server: ExternalPostgreSQL, directory: Path) -> None:
    second = 'it\'s \\ "quoted" #;%/@: \u00fc'
    literal = second.replace("'", "''")
    server.as_superuser(f"CREATE ROLE second LOGIN PASSWORD '{literal}'")
    pooler = in_front_of(server, directory, server.url(user="second", password=second))
    with pooler.serving(), pooler.connect(CLIENT_USERS[0]) as client:
        assert client.execute(SESSION).fetchall() == [("second", DATABASE)]


def test_a_login_that_the_server_refuses_is_an_error_of_the_client(server: ExternalPostgreSQL, directory: Path) -> None:
    pooler = in_front_of(server, directory, server.url(password="guess"))
    with (
        pooler.serving(),
        pytest.raises(psycopg.OperationalError, match=r"password authentication failed|server login"),
    ):
        pooler.connect(CLIENT_USERS[0])


def test_a_url_with_every_accepted_parameter(server: ExternalPostgreSQL, directory: Path) -> None:
    """Whatever of them is about the server, PgBouncer has settings for."""
    assert {"connect_timeout", "keepalives_idle", "application_name"} <= PARAMETERS
    url = server.url(sslmode="disable", connect_timeout="3", keepalives_idle="5", application_name="chats")
    pooler = in_front_of(server, directory, url)
    with pooler.serving(), pooler.connect(CLIENT_USERS[0], application_name="chats") as client:
        assert client.execute("SHOW application_name").fetchall() == [("chats",)]


def test_migrate_goes_past_it_and_waits_until_it_serves(
    server: ExternalPostgreSQL, directory: Path, tmp_path: Path
) -> None:
    """In transaction mode, where `migrate` would be refused behind it."""
    environment = {"POSTGRES_USER": ROLE, "POSTGRES_DB": DATABASE}
    image = FakeOpenWebUI(tmp_path, Database(own_directory(directory, "unused"), {}, environment, programs=""))
    waits = {"DATABASE_REQUIRES_VECTOR": "true", "MIGRATE_DATABASE_WAIT_SECONDS": "5"}
    pooler = in_front_of(server, directory, sets=TRANSACTION)
    behind = f"postgresql://{CLIENT_USERS[0]}:{WEB[CLIENT_USERS[0]]}@127.0.0.1:{pooler.port}/ragsystemdb"
    with pooler.serving():
        status, output = image.run("migrate", DATABASE_URL=behind, **waits)
        assert status == 1
        assert "A pooler in transaction mode is between this pod and the database" in output
        status, output = image.run("migrate", DATABASE_URL=server.url(), **waits)
        assert status == 0, output
        with pooler.connect(CLIENT_USERS[0]) as client:
            assert client.execute("SELECT count(*) FROM alembic_version").fetchall() == [(1,)]
