"""TLS on both sides of PgBouncer: nothing without it, by no other authority; a renewal needs no restart."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from components.postgresql.pooler.configuration import external_server_ini, own_server_ini
from components.postgresql.pooler.names import POOLER
from tests.support.servers.certificates import make_authority, mount_secret
from tests.support.servers.postgresql_database import CLIENT_PASSWORD, CLIENT_USER, Database, rendered_database
from tests.support.servers.rendered import rendered
from tests.support.servers.rendered_pooler import ON, RenderedPooler
from tests.support.servers.server_process import postgresql_with_tls, running, wait_until

SETS = (*ON, "postgresql.tls.secretName=postgresql-tls")
HOST = "127.0.0.1"
USED_TLS = "SELECT ssl, version FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = %s"


@pytest.fixture
def authority(directory: Path) -> Path:
    """Directory of the authority."""
    return make_authority(directory / "authority").parent


@pytest.fixture
def served(directory: Path, authority: Path) -> Iterator[Database]:
    """A running server with TLS."""
    made = rendered_database(directory, postgresql_with_tls(), SETS)
    mount_secret(authority, directory / "tls", HOST)
    made.copied()
    with made.serving():
        yield made


def in_front_of(database: Database, authority: Path, **changes: str) -> RenderedPooler:
    """A PgBouncer for the server, which has another name and port than in the cluster."""
    server = own_server_ini(HOST, str(authority / "ca.crt")).replace("port='5432'", f"port='{database.port}'")
    made = RenderedPooler(database.directory / "pooler", server, {CLIENT_USER: CLIENT_PASSWORD}, SETS, changes=changes)
    mount_secret(authority, made.directory / "tls", POOLER)
    return made


def connect(pooler: RenderedPooler, authority: Path, **changes: Any) -> Any:
    """A session as the web pods make it."""
    verified = {"sslmode": "verify-full", "sslrootcert": str(authority / "ca.crt")}
    return pooler.connect(CLIENT_USER, **{"host": POOLER, "hostaddr": "127.0.0.1", **verified, **changes})


def behind(database: Database) -> list[tuple[Any, ...]]:
    """TLS of the connections of PgBouncer to the server."""
    with database.connect(host=str(database.directory / "run"), user="postgres") as superuser:
        return superuser.execute(USED_TLS, (CLIENT_USER,)).fetchall()


def test_both_connections_are_encrypted_and_verified(served: Database, authority: Path, directory: Path) -> None:
    other = make_authority(directory / "other").parent
    pooler = in_front_of(served, authority)
    with pooler.serving():
        with connect(pooler, authority) as client:
            assert client.pgconn.ssl_in_use
            client.execute("SELECT 1")
            assert behind(served) == [(True, "TLSv1.3")]
        with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
            connect(pooler, other)
        with pytest.raises(psycopg.OperationalError, match="does not match host name"):
            connect(pooler, authority, host="elsewhere")
        with pytest.raises(psycopg.OperationalError, match="SSL required"):
            connect(pooler, authority, sslmode="disable")


@pytest.mark.parametrize("fault", ["authority", "name"])
def test_a_server_that_cannot_be_verified_gets_no_client(
    served: Database, authority: Path, directory: Path, fault: str
) -> None:
    trusted = authority
    if fault == "name":
        mount_secret(authority, directory / "tls", "elsewhere")
        with served.connect(host=str(directory / "run"), user="postgres", autocommit=True) as superuser:
            superuser.execute("SELECT pg_reload_conf()")
    else:
        trusted = make_authority(directory / "other").parent
    pooler = in_front_of(served, trusted, query_wait_timeout="3")
    with pooler.serving():
        with pytest.raises(psycopg.OperationalError, match=r"query_wait_timeout|server login|TLS|closed"):
            connect(pooler, trusted)
        assert pooler.console("SHOW SERVERS") == []
    assert "certificate" in pooler.log.read_text()


def test_the_url_of_an_external_server_decides_about_tls(served: Database, authority: Path) -> None:
    """As its user, with its password; what PgBouncer knows of the server comes from the URL alone."""
    url = f"postgresql://{CLIENT_USER}:{CLIENT_PASSWORD}@{HOST}:{served.port}/ragsystemdb"
    server = external_server_ini(f"{url}?sslmode=verify-full&sslrootcert={authority}/ca.crt")
    pooler = RenderedPooler(served.directory / "pooler", server, {"ragsystemapp_2": "of PgBouncer alone"}, plain=True)
    with pooler.serving(), pooler.connect("ragsystemapp_2") as client:
        assert client.execute("SELECT session_user").fetchall() == [(CLIENT_USER,)]
        assert behind(served) == [(True, "TLSv1.3")]


@contextmanager
def reloading(pooler: RenderedPooler, *files: Path) -> Iterator[Path]:
    """The sidecar, as rendered; yields its log."""
    pod = rendered("prod", "Deployment", POOLER, SETS)["spec"]["template"]["spec"]
    [sidecar] = [container for container in pod["initContainers"] if container["name"] == "reload"]
    assert sidecar["command"] == ["sh", "/etc/pgbouncer/reload.sh"]
    variables = {variable["name"]: variable["value"] for variable in sidecar["env"]}
    assert variables.keys() == {"PGHOST", "PGPORT", "FILES"}
    log = pooler.directory / "reload.log"
    environment = {
        "PATH": "/usr/bin:/bin",
        "PGHOST": str(pooler.directory / "run"),
        "PGPORT": str(pooler.port),
        "FILES": " ".join(map(str, files)),
        "PAUSE_SECONDS": "0.2",
    }
    with running(
        ["sh", str(pooler.directory / "reload.sh")],
        directory=pooler.directory,
        log=log,
        stop_signal=signal.SIGTERM,
        environment=environment,
    ) as process:
        yield log
        assert process.poll() is None
    assert process.returncode == 0


def test_a_renewed_certificate_is_taken_and_clients_stay(served: Database, authority: Path, directory: Path) -> None:
    pooler = in_front_of(served, authority)
    files = [pooler.directory / "tls" / name for name in ("tls.crt", "tls.key", "ca.crt")]

    def reloads() -> int:
        return log.read_text().count("PgBouncer has read its files.")

    with pooler.serving(), reloading(pooler, *files) as log:
        wait_until(lambda: reloads() == 1, "the first look", 20)
        kept = connect(pooler, authority)
        kept.execute("PREPARE kept AS SELECT 1")
        other = make_authority(directory / "other").parent
        mount_secret(other, pooler.directory / "tls", POOLER)
        wait_until(lambda: reloads() >= 2, "the renewed certificate", 20)
        with connect(pooler, other) as client:
            assert client.execute("SELECT 1").fetchall() == [(1,)]
        with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
            connect(pooler, authority)
        assert kept.execute("EXECUTE kept").fetchall() == [(1,)]
        kept.close()
