"""The connections that Open WebUI's own drivers make with a URL which the stack does not see."""

import json
import os
import socket
import subprocess
import time
from pathlib import Path

import pytest

from components.open_webui.startup_scripts import SCRIPTS_DIRECTORY
from tests.support.servers.certificates import certify, make_authority
from tests.support.servers.external_postgresql import external_postgresql, own_directory
from tests.support.servers.fake_open_webui import SCRIPTS
from tests.support.servers.open_webui_image import PACKAGES, installed_package
from tests.support.servers.server_process import postgresql_programs
from tests.support.unit.recording import run

# SQLAlchemy's engines as Open WebUI makes them: psycopg 2 and the asynchronous psycopg 3.
PROGRAM = """
import asyncio, json, os, socket
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

QUERY = text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
NAMES = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")

def limits(descriptor):
    with socket.socket(fileno=os.dup(descriptor)) as own:
        return [own.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in NAMES]

async def asynchronous(url):
    async with create_async_engine(url).connect() as connection:
        encrypted = (await connection.execute(QUERY)).scalar()
        raw = (await connection.get_raw_connection()).driver_connection
        return [encrypted, limits(raw.pgconn.socket)]

def synchronous(url):
    with create_engine(url).connect() as connection:
        encrypted = connection.execute(QUERY).scalar()
        return [encrypted, limits(connection.connection.dbapi_connection.fileno())]

url = os.environ["DATABASE_URL"]
print(json.dumps([synchronous(url), asyncio.run(asynchronous(url.replace("postgresql:", "postgresql+psycopg:")))]))
"""
TIMEOUT = """
import os, psycopg, psycopg2
for driver in (psycopg2, psycopg):
    try:
        driver.connect(os.environ["DATABASE_URL"])
    except driver.OperationalError as error:
        print("timeout expired" in str(error))
"""


@pytest.fixture(scope="module")
def variables() -> dict[str, str]:
    """The variables of libpq of the container that serves."""
    recording = run(
        "dev",
        [
            *("postgresql.topology=external", "postgresql.external.hosts=10.0.0.3"),
            "postgresql.external.certificateAuthority=-----BEGIN CERTIFICATE-----",
            *("existingSecrets.databaseUrl.name=chats-app", "existingSecrets.databaseUrl.key=uri"),
        ],
    )
    all_ = {each["name"]: each.get("value", "") for each in recording.containers["open-webui/open-webui"]["env"]}
    return {
        name: value.replace(SCRIPTS_DIRECTORY, str(SCRIPTS))
        for name, value in all_.items()
        if name.startswith("PG") and not name.startswith("PGVECTOR")
    }


def printed(program: str, url: str, variables: dict[str, str]) -> str:
    """What a program prints in Open WebUI's environment."""
    installed_package()
    done = subprocess.run(
        [str(PACKAGES / "bin" / "python"), "-c", program],
        env={"PATH": os.environ["PATH"], "DATABASE_URL": url, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_time_limits_and_authority_reach_both_drivers(variables: dict[str, str], directory: Path) -> None:
    authority = make_authority(directory / "authority")
    certify(authority.parent, tls := own_directory(directory, "tls"), "localhost")
    (tls / "tls.key").chmod(0o600)
    options = ("ssl=on", f"ssl_cert_file={tls}/tls.crt", f"ssl_key_file={tls}/tls.key")
    here = {**variables, "PGSSLROOTCERT": str(authority)}
    with external_postgresql(directory, postgresql_programs(), *options, vector=False) as server:
        for url, encrypted, idle in (
            (server.url("localhost"), True, 10),
            (server.url("localhost", sslmode="disable", keepalives_idle="20"), False, 20),
        ):
            for driver in json.loads(printed(PROGRAM, url, here)):
                assert driver == [encrypted, [idle, 5, 3, 15_000]]
        # The name of the server is verified: the certificate has no address.
        with pytest.raises(AssertionError, match="does not match host name"):
            printed(PROGRAM, server.url("127.0.0.1"), here)


def test_a_server_that_does_not_answer(variables: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        url = f"postgresql://u:p@127.0.0.1:{silent.getsockname()[1]}/d"
        assert printed(TIMEOUT, url, variables).split() == ["True", "True"]
        assert 10 <= time.monotonic() - began < 30
