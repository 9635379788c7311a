"""TLS of the stack's own PostgreSQL: no service without it or by another authority; renewal needs no restart."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from components.postgresql.monitoring.exporter import EXPORTER_USER, QUERIES, exporter_files
from components.postgresql.topologies.authority import authority as authority_of
from components.postgresql.topologies.authority import with_authority
from tests.support.servers.backups import backups_of
from tests.support.servers.certificates import make_authority, mount_secret
from tests.support.servers.open_webui import OpenWebUI
from tests.support.servers.open_webui_image import lay_out_image
from tests.support.servers.postgresql_database import PASSWORD, Database, rendered_database
from tests.support.servers.rendered import rendered
from tests.support.servers.server_process import (
    postgresql_with_tls,
    running,
    wait_until,
)

SETS = ("postgresql.tls.secretName=postgresql-tls",)
HOST = "postgres"
USED_TLS = "SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


@pytest.fixture
def authority(directory: Path) -> Path:
    """Directory of the authority."""
    return make_authority(directory / "authority").parent


@pytest.fixture
def database(directory: Path, authority: Path) -> Database:
    made = rendered_database(directory, postgresql_with_tls(), SETS)
    mount_secret(authority, directory / "tls", HOST, "localhost")
    made.copied()
    return made


def connect(database: Database, authority: Path | None, host: str = HOST, **options: Any) -> Any:
    """A connection as the web pods make it; without an authority one that knows nothing of TLS."""
    verified = {"sslmode": "verify-full", "sslrootcert": str(authority / "ca.crt")} if authority else {}
    return database.connect(**{"host": host, "hostaddr": "127.0.0.1", "autocommit": True, **verified, **options})


def superuser(database: Database) -> Any:
    """A connection by the socket inside the pod."""
    return database.connect(host=str(database.directory / "run"), user="postgres")


def test_who_trusts_the_authority_is_served_by_name(database: Database, authority: Path, directory: Path) -> None:
    other = make_authority(directory / "other").parent
    with database.serving():
        with connect(database, authority) as connection:
            assert connection.execute(USED_TLS).fetchall() == [(True, "TLSv1.3")]
        with superuser(database) as connection:
            assert connection.execute("SHOW ssl_min_protocol_version").fetchall() == [("TLSv1.2",)]
        with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
            connect(database, other)
        with pytest.raises(psycopg.OperationalError, match='does not match host name "elsewhere"'):
            connect(database, authority, "elsewhere")


def test_nothing_is_served_without_tls(database: Database) -> None:
    with database.serving():
        with pytest.raises(psycopg.OperationalError, match=r"no pg_hba\.conf entry .* no encryption"):
            connect(database, None, sslmode="disable")
        # The probes and the container that loads certificates use the socket or do not sign in.
        with connect(
            database, None, host=str(database.directory / "run"), hostaddr=None, user="postgres"
        ) as connection:
            assert connection.execute(USED_TLS).fetchall() == [(False, None)]


def test_a_client_from_before_tls_goes_on(database: Database) -> None:
    """Web pods whose URL has no `sslmode` yet, while an update turns TLS on."""
    with database.serving(), connect(database, None) as connection:
        assert connection.execute(USED_TLS).fetchall() == [(True, "TLSv1.3")]


@contextmanager
def loading_certificates(database: Database) -> Iterator[Path]:
    """The sidecar, as rendered; yields its log."""
    (sidecar,) = [
        container
        for container in rendered("prod", "StatefulSet", "postgres", SETS)["spec"]["template"]["spec"]["initContainers"]
        if container["name"] == "load-certificate"
    ]
    assert sidecar["command"] == ["sh", "/etc/postgresql/load-certificate.sh"]
    variables = {variable["name"]: variable["value"] for variable in sidecar["env"]}
    assert variables == {"PGHOST": "/var/run/postgresql", "TLS_DIRECTORY": "/etc/postgresql-tls"}
    log = database.directory / "load-certificate.log"
    environment = {
        "PATH": f"{database.programs}:/usr/bin:/bin",
        "PGHOST": str(database.directory / "run"),
        "PGPORT": str(database.port),
        "TLS_DIRECTORY": str(database.directory / "tls"),
        "PAUSE_SECONDS": "0.2",
    }
    with running(
        ["sh", str(database.directory / "conf" / "load-certificate.sh")],
        directory=database.directory,
        log=log,
        stop_signal=signal.SIGTERM,
        environment=environment,
    ) as process:
        yield log
        assert process.poll() is None
    assert process.returncode == 0


def times_loaded(log: Path) -> int:
    return log.read_text().count("The server reads the certificate.")


def recorded_end(database: Database) -> list[tuple[Any, ...]]:
    """The times that the exporter reads, with its role."""
    queries = yaml.safe_load(exporter_files()[QUERIES])
    with database.connect("", host=str(database.directory / "run"), user=EXPORTER_USER) as connection:
        return connection.execute(queries["open_webui_stack_certificate"]["query"].encode()).fetchall()


def end_of(certificate: Path) -> list[tuple[int, int]]:
    """The same by openssl."""
    shown = subprocess.run(
        ["openssl", "x509", "-in", certificate, "-noout", "-dates"], check=True, capture_output=True, text=True
    ).stdout
    texts = [line.partition("=")[2] for line in shown.splitlines()]
    first, last = (datetime.strptime(f"{text}+0000", "%b %d %H:%M:%S %Y GMT%z").timestamp() for text in texts)
    return [(int(first), int(last))]


def test_the_end_of_the_certificate_is_recorded_for_the_exporter(
    database: Database, authority: Path, directory: Path
) -> None:
    certificate = directory / "tls" / "tls.crt"
    with database.serving():
        assert recorded_end(database) == []
        with loading_certificates(database) as log:
            wait_until(lambda: bool(recorded_end(database)), "the first record", 20)
            assert recorded_end(database) == end_of(certificate)
            # The authority's certificate follows, as cert-manager writes it, and a time after 2049 has another form.
            mount_secret(authority, directory / "tls", HOST, days=40_000)
            chain = certificate.with_name("chain")
            chain.write_bytes(certificate.read_bytes() + (authority / "ca.crt").read_bytes())
            chain.replace(certificate)
            wait_until(lambda: recorded_end(database) == end_of(certificate), "the record of the renewed one", 20)
            assert recorded_end(database)[0][1] > datetime(2100, 1, 1, tzinfo=UTC).timestamp()
        assert "could not be recorded" not in log.read_text()


def test_a_renewed_certificate_is_taken_without_a_restart(database: Database, authority: Path, directory: Path) -> None:
    with database.serving(), loading_certificates(database) as log:
        wait_until(lambda: times_loaded(log) == 1, "the first look", 20)
        connected = connect(database, authority)
        connected.execute("CREATE TEMPORARY TABLE kept AS SELECT 1")

        # Another authority altogether: with the old one alone the new certificate would not be believed.
        other = make_authority(directory / "other").parent
        mount_secret(other, directory / "tls", HOST)

        wait_until(lambda: times_loaded(log) == 2, "the new certificate", 20)
        wait_until(lambda: is_served(database, other), "a client with the new authority", 20)
        with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
            connect(database, authority)
        # A client that is connected stays connected.
        assert connected.execute("SELECT * FROM kept").fetchall() == [(1,)]

        # A key that does not fit: the server keeps what it has.
        before = database.log.read_text().count("SSL configuration was not reloaded")
        (directory / "tls" / "tls.key").unlink()
        (directory / "tls" / "tls.key").write_text("no key")
        wait_until(lambda: times_loaded(log) == 3, "the next look", 20)
        wait_until(
            lambda: database.log.read_text().count("SSL configuration was not reloaded") > before, "the refusal", 20
        )
        assert is_served(database, other)
        connected.close()


def is_served(database: Database, authority: Path) -> bool:
    try:
        connect(database, authority).close()
    except psycopg.OperationalError:
        return False
    return True


def test_a_backup_verifies_the_server(database: Database, authority: Path, directory: Path) -> None:
    backups = backups_of(database, SETS)
    assert backups.environment["PGSSLMODE"] == "verify-full"
    assert backups.environment["PGSSLROOTCERT"] == "/etc/postgresql-ca/ca.crt"
    other = make_authority(directory / "other").parent
    with database.serving():
        connect(database, authority).execute("CREATE TABLE chat AS SELECT 42 AS answer")
        backups.environment |= {"PGHOST": "localhost", "PGSSLROOTCERT": str(other / "ca.crt")}
        assert "certificate verify failed" in backups.refused()

        backups.environment |= {"PGSSLROOTCERT": str(authority / "ca.crt")}
        assert "1 tables with 1 rows" in backups.done()
        assert "Restored" in backups.done("restore", "newest")


ENGINES = f"""
import asyncio
from sqlalchemy import text
from open_webui.internal import db

with db.engine.connect() as connection:
    print("psycopg2", db.engine.driver, connection.execute(text("{USED_TLS}")).one())

async def main():
    async with db.async_engine.connect() as connection:
        print("psycopg", db.async_engine.driver, (await connection.execute(text("{USED_TLS}"))).one())

asyncio.run(main())
"""


def test_both_engines_of_open_webui_verify_the_server(database: Database, authority: Path, directory: Path) -> None:
    plain = f"postgresql://ragsystemuser:{PASSWORD}@localhost:{database.port}/ragsystemdb"
    secret = authority_of("postgresql-tls")
    lay_out_image(directory / "image")

    def run(authority: Path) -> str:
        url = with_authority(plain, secret).replace(secret.file, str(authority / "ca.crt"))
        secrets = {"postgresql-secret": {"client-url": url}}
        open_webui = OpenWebUI(directory=directory, environment="dev", sets=SETS, secrets=secrets)
        return open_webui.run(ENGINES, ENABLE_DB_MIGRATIONS="False").stdout

    with database.serving():
        output = run(authority)
        assert "psycopg2 psycopg2 (True, 'TLSv1.3')" in output
        assert "psycopg psycopg (True, 'TLSv1.3')" in output
        assert "certificate verify failed" in run(make_authority(directory / "other").parent)
