"""What `preflight` says about an external PostgreSQL that Open WebUI cannot use, each time with the real thing."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.support.servers.addresses import free_port
from tests.support.servers.certificates import certify, make_authority
from tests.support.servers.external_postgresql import (
    DATABASE,
    PASSWORD,
    ROLE,
    ExternalPostgreSQL,
    external_postgresql,
    own_directory,
)
from tests.support.servers.external_postgresql import place as place
from tests.support.servers.external_postgresql import server as server
from tests.support.servers.fake_open_webui import FakeOpenWebUI
from tests.support.servers.pgbouncer import new_pgbouncer, old_pgbouncer, pgbouncer
from tests.support.servers.postgresql_database import Database
from tests.support.servers.server_process import postgresql_programs

SETTINGS = {"DATABASE_REQUIRES_VECTOR": "true", "DATABASE_CONNECTIONS": "50", "PREFLIGHT_WAIT_SECONDS": "0.2"}


@pytest.fixture(scope="module")
def image(place: Path, tmp_path_factory: pytest.TempPathFactory) -> FakeOpenWebUI:
    """An image. The database that it brings is not started."""
    environment = {"POSTGRES_USER": ROLE, "POSTGRES_DB": DATABASE}
    unused = Database(own_directory(place, "unused"), {}, environment, programs="")
    return FakeOpenWebUI(tmp_path_factory.mktemp("app"), unused)


def refusal(image: FakeOpenWebUI, url: str, script: str = "preflight", **changes: str) -> str:
    """The last line of a script that refuses the database; no part of the password is in its output."""
    waits = {"MIGRATE_DATABASE_WAIT_SECONDS": "0.2"}
    status, output = image.run(script, DATABASE_URL=url, **{**SETTINGS, **waits, **changes})
    assert status == 1, output
    assert PASSWORD not in output
    return output.splitlines()[-1]


def accepted(image: FakeOpenWebUI, url: str, **changes: str) -> None:
    status, output = image.run("preflight", DATABASE_URL=url, **{**SETTINGS, **changes})
    assert status == 0, output


@contextmanager
def altered(server: ExternalPostgreSQL, statement: str, back: str) -> Iterator[None]:
    """A change of the server while the block runs."""
    server.as_superuser(statement)
    try:
        yield
    finally:
        server.as_superuser(back)


def test_a_database_that_fits_is_accepted(server: ExternalPostgreSQL, image: FakeOpenWebUI) -> None:
    accepted(image, server.url())


def test_nothing_listens(server: ExternalPostgreSQL, image: FakeOpenWebUI) -> None:
    url = server.url().replace(f":{server.port}/", f":{free_port()}/")
    assert "Nothing listens on this port, or a firewall rejects it" in refusal(image, url)


def test_no_answer(server: ExternalPostgreSQL, image: FakeOpenWebUI) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = server.url().replace(f":{server.port}/", f":{silent.getsockname()[1]}/")
        assert "No answer: a firewall, or a network policy" in refusal(image, url)


def test_a_name_without_an_address(server: ExternalPostgreSQL, image: FakeOpenWebUI) -> None:
    assert "The name in the URL has no address here" in refusal(image, server.url("db.invalid"))


def test_a_wrong_password(server: ExternalPostgreSQL, image: FakeOpenWebUI) -> None:
    line = refusal(image, server.url(password="not-this-one"))
    assert "The user or the password of the URL is wrong" in line
    assert "not-this-one" not in line
    assert "The user or the password of the URL is wrong" in refusal(image, server.url(user="nobody"))


def test_a_database_that_does_not_exist(server: ExternalPostgreSQL, image: FakeOpenWebUI) -> None:
    assert "Create it: CREATE DATABASE" in refusal(image, server.url().replace(f"/{DATABASE}", "/other"))


def test_tls(server: ExternalPostgreSQL, image: FakeOpenWebUI, directory: Path, tmp_path: Path) -> None:
    assert "The URL demands TLS. Turn it on" in refusal(image, server.url(sslmode="require"))
    authority = make_authority(tmp_path / "authority")
    tls = own_directory(directory, "tls")
    certify(authority.parent, tls, "localhost")
    (tls / "tls.key").chmod(0o600)
    options = ("ssl=on", f"ssl_cert_file={tls}/tls.crt", f"ssl_key_file={tls}/tls.key")
    without_vector = {"DATABASE_REQUIRES_VECTOR": "false"}
    with external_postgresql(directory, postgresql_programs(), *options, vector=False) as encrypted:
        full = {"sslmode": "verify-full", "sslrootcert": str(authority)}
        accepted(image, encrypted.url("localhost", **full), **without_vector)
        assert "The certificate is for other names" in refusal(image, encrypted.url("127.0.0.1", **full))
        accepted(image, encrypted.url("127.0.0.1", **{**full, "sslmode": "verify-ca"}), **without_vector)
        other = make_authority(tmp_path / "other")
        line = refusal(image, encrypted.url("localhost", **{**full, "sslrootcert": str(other)}))
        assert "certificateAuthority has to contain the certificate" in line
        missing = refusal(image, encrypted.url("localhost", **{**full, "sslrootcert": "/nowhere/ca.crt"}))
        assert "Set postgresql.external.certificateAuthority" in missing
        hba = encrypted.data / "pg_hba.conf"
        hba.write_text(hba.read_text().replace("host all", "hostssl all"))
        encrypted.as_superuser("SELECT pg_reload_conf()")
        assert "Add sslmode=require" in refusal(image, encrypted.url(sslmode="disable"))
        hba.write_text("local all all trust\n")
        encrypted.as_superuser("SELECT pg_reload_conf()")
        assert "add a line to pg_hba.conf, or the nodes' addresses" in refusal(image, encrypted.url(sslmode="require"))


def test_rights(server: ExternalPostgreSQL, image: FakeOpenWebUI) -> None:
    to = f"ALTER DATABASE {DATABASE} OWNER TO"
    with altered(server, f"{to} postgres", f"{to} {ROLE}"):
        line = refusal(image, server.url())
    assert (
        f'must not create tables in the schema public. As its owner: GRANT CREATE ON SCHEMA "public" TO "{ROLE}"'
        in line
    )


def test_pgvector(server: ExternalPostgreSQL, image: FakeOpenWebUI) -> None:
    with altered(server, "DROP EXTENSION vector", "CREATE EXTENSION vector"):
        assert "The database has no extension vector" in refusal(image, server.url())
        accepted(image, server.url(), DATABASE_REQUIRES_VECTOR="false")
        server.as_superuser("CREATE SCHEMA extensions", "CREATE EXTENSION vector SCHEMA extensions")
        line = refusal(image, server.url())
        assert "is in the schema extensions, where the search path of the role does not lead" in line
        server.as_superuser(
            f"ALTER ROLE {ROLE} SET search_path = public, extensions", "GRANT USAGE ON SCHEMA extensions TO PUBLIC"
        )
        accepted(image, server.url())
        server.as_superuser(f"ALTER ROLE {ROLE} RESET search_path", "DROP EXTENSION vector", "DROP SCHEMA extensions")


def test_encodings(server: ExternalPostgreSQL, image: FakeOpenWebUI) -> None:
    for encoding in ("SQL_ASCII", "LATIN1"):
        name = encoding.lower()
        server.as_superuser(f"CREATE DATABASE {name} OWNER {ROLE} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
        line = refusal(image, server.url().replace(f"/{DATABASE}", f"/{name}"), DATABASE_REQUIRES_VECTOR="false")
        assert f"The encoding of the database is {encoding}; Open WebUI needs UTF8" in line
        server.as_superuser(f"DROP DATABASE {name}")


def test_limits_of_connections(server: ExternalPostgreSQL, image: FakeOpenWebUI) -> None:
    """max_connections is 100, of which superusers have 3."""
    accepted(image, server.url(), DATABASE_CONNECTIONS="97")
    line = refusal(image, server.url(), DATABASE_CONNECTIONS="98")
    assert "may hold 98 connections, and at most 97 are allowed. Raise the limit (max_connections" in line
    for subject in (f"ROLE {ROLE}", f"DATABASE {DATABASE}"):
        with altered(server, f"ALTER {subject} CONNECTION LIMIT 49", f"ALTER {subject} CONNECTION LIMIT -1"):
            accepted(image, server.url(), DATABASE_CONNECTIONS="49")
            line = refusal(image, server.url())
            kind, name = subject.split()
            assert f'at most 49 are allowed. Raise the limit (ALTER {kind} "{name}" CONNECTION LIMIT' in line
        with altered(server, f"ALTER {subject} CONNECTION LIMIT 0", f"ALTER {subject} CONNECTION LIMIT -1"):
            assert "All connections are in use" in refusal(image, server.url())


def test_a_standby(server: ExternalPostgreSQL, image: FakeOpenWebUI, place: Path) -> None:
    standby = ExternalPostgreSQL(own_directory(place, "standby"), server.programs)
    server.copy_to(standby)
    with standby.serving():
        line = refusal(image, standby.url())
        assert "The server is a standby and accepts no writes. DATABASE_URL has to lead to the primary" in line
        both = server.url().replace(f":{server.port}/", f":{standby.port},127.0.0.1:{server.port}/")
        accepted(image, f"{both}?target_session_attrs=read-write")
    with altered(server, f"ALTER ROLE {ROLE} SET default_transaction_read_only = on", f"ALTER ROLE {ROLE} RESET ALL"):
        assert "default_transaction_read_only is on, for the server, the database or the role" in refusal(
            image, server.url()
        )


POOLERS = {"1.18": old_pgbouncer, "1.24": new_pgbouncer}


@pytest.mark.parametrize("release", POOLERS)
def test_a_pooler_in_session_mode(
    server: ExternalPostgreSQL, image: FakeOpenWebUI, place: Path, directory: Path, release: str
) -> None:
    command = POOLERS[release](place)
    with pgbouncer(command, directory, server, pool_mode="session", default_pool_size=60) as pooler:
        accepted(image, pooler.url())
        assert "The user or the password of the URL is wrong" in refusal(
            image, pooler.url().replace("Ext3rnal", "other")
        )
        assert "PgBouncer refuses a parameter of the URL" in refusal(image, pooler.url(options="-c jit=off"))
        # Its sessions remain when a replica has stopped.
        handover = {"SCHEMA_UPGRADE": "handover", "MIGRATE_NOTICE_SECONDS": "1", "MIGRATE_HANDOVER_SECONDS": "1"}
        for script in ("preflight", "migrate"):
            line = refusal(image, pooler.url(), script, **handover)
            assert "Set openWebui.schemaUpgrade to replace" in line
    accepted(image, server.url(), **handover)


@pytest.mark.parametrize("release", POOLERS)
@pytest.mark.parametrize("order", [{}, {"server_round_robin": 1}])
def test_a_pooler_in_transaction_mode(
    server: ExternalPostgreSQL, image: FakeOpenWebUI, place: Path, directory: Path, release: str, order: dict[str, int]
) -> None:
    """And nothing of the preflight stays in the sessions of the pool, where others write."""
    with ExitStack() as stack:
        command = POOLERS[release](place)
        pooler = stack.enter_context(pgbouncer(command, directory, server, pool_mode="transaction", **order))
        others = [stack.enter_context(closing(psycopg.connect(pooler.url()))) for _ in range(3)]
        for other in others:
            other.execute("SELECT 1")
        for other in others:
            other.commit()
        for script in ("preflight", "migrate"):
            line = refusal(image, pooler.url(), script)
            assert "A pooler in transaction mode is between this pod and the database" in line
            assert ("loses prepared statements" in line) is (release == "1.18")
        # All at the same time, so that they have all connections of the pool.
        for other in others:
            state = other.execute(
                "SELECT current_setting('default_transaction_read_only'),"
                " (SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'open_webui_stack%')"
            ).fetchall()
            assert state == [("off", 0)]


def test_a_pooler_that_is_told_to_know_no_prepared_statements(
    server: ExternalPostgreSQL, image: FakeOpenWebUI, place: Path, directory: Path
) -> None:
    options = {"pool_mode": "transaction", "max_prepared_statements": 0}
    with pgbouncer(new_pgbouncer(place), directory, server, **options) as pooler:
        assert "loses prepared statements" in refusal(image, pooler.url())


def test_a_pool_of_one_connection(
    server: ExternalPostgreSQL, image: FakeOpenWebUI, place: Path, directory: Path
) -> None:
    with pgbouncer(old_pgbouncer(place), directory, server, pool_mode="session", default_pool_size=1) as pooler:
        line = refusal(image, pooler.url())
        assert "and has no second connection: no answer within 5 s. Raise its pool" in line
