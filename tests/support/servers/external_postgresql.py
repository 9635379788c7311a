"""A PostgreSQL that the stack did not set up: a server with a role and a database of its own, TLS, a standby of it."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from glob import glob
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
import pytest

from tests.support.servers.addresses import free_port
from tests.support.servers.server_process import (
    CONTAINER_USER,
    check_alive,
    give_away,
    missing,
    postgresql_with_pgvector,
    running,
    server_directory,
    unprivileged,
    wait_until,
)

ROLE, DATABASE, PASSWORD = "team_chat", "chats", "Ext3rnal/Pass%word@1"


@dataclass
class ExternalPostgreSQL:
    """A server in a directory of its own, which listens on 127.0.0.1."""

    directory: Path
    programs: str
    port: int = field(default_factory=free_port)

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def log(self) -> Path:
        return self.directory / "server.log"

    def url(self, host: str = "127.0.0.1", *, user: str = ROLE, password: str = PASSWORD, **parameters: str) -> str:
        """URL of the role's database."""
        query = f"?{urlencode(parameters)}" if parameters else ""
        return f"postgresql://{user}:{quote(password, safe='')}@{host}:{self.port}/{DATABASE}{query}"

    def as_superuser(self, *statements: str, database: str = DATABASE) -> list[tuple[Any, ...]]:
        """Run statements one by one; returns the rows of the last one."""
        rows: list[tuple[Any, ...]] = []
        with closing(
            psycopg.connect(host=str(self.directory), port=self.port, user="postgres", dbname=database, autocommit=True)
        ) as connection:
            for statement in statements:
                cursor = connection.execute(statement.encode())
                rows = cursor.fetchall() if cursor.description else []
        return rows

    def initialize(self, encoding: str = "UTF8") -> None:
        """Create the data directory. SCRAM for every client over TCP, as services have it."""
        self._run("initdb", "-U", "postgres", "-D", str(self.data), "--no-sync", "--locale=C", f"--encoding={encoding}")
        (self.data / "pg_hba.conf").write_text(
            "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\nhost replication all 127.0.0.1/32 trust\n"
        )

    def create_database(self, encoding: str = "UTF8", *, vector: bool = True) -> None:
        """The role and its database, as the server's operator creates them."""
        self.as_superuser(
            f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'",
            f"CREATE DATABASE {DATABASE} OWNER {ROLE} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0",
            database="postgres",
        )
        if vector:
            self.as_superuser("CREATE EXTENSION vector")

    def copy_to(self, standby: "ExternalPostgreSQL") -> None:
        """Make the other one, which is empty, a standby of this one."""
        source = f"host=127.0.0.1 port={self.port} user=postgres"
        standby._run("pg_basebackup", "-D", str(standby.data), "-d", source, "-R", "-X", "stream", "-c", "fast")

    def _user(self) -> dict[str, str]:
        """Variables that give the servers' user a name, without which the programs of PostgreSQL do not run."""
        wrapper = glob("/usr/lib/*/libnss_wrapper.so")
        if not wrapper:
            missing("libnss_wrapper", "libnss-wrapper")
        uid = CONTAINER_USER if os.getuid() == 0 else os.getuid()
        passwd, group = self.directory / "passwd", self.directory / "group"
        passwd.write_text(f"postgres:x:{uid}:{uid}:PostgreSQL:{self.directory}:/bin/false\n")
        group.write_text(f"postgres:x:{uid}:\n")
        return {"LD_PRELOAD": wrapper[0], "NSS_WRAPPER_PASSWD": str(passwd), "NSS_WRAPPER_GROUP": str(group)}

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [f"{self.programs}/{program}", *arguments],
            cwd=self.directory,
            env={"PATH": f"{self.programs}:/usr/bin:/bin", **self._user()},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            **unprivileged(),
        )
        assert done.returncode == 0, done.stdout + done.stderr

    @contextmanager
    def serving(self, *options: str) -> Iterator[None]:
        """The server, while the block runs.

        Args:
            options: ``NAME=VALUE`` of postgresql.conf.
        """
        self.log.touch()
        give_away(self.log)
        listen = (f"port={self.port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={self.directory}")
        settings = [word for each in (*listen, "fsync=off", *options) for word in ("-c", each)]
        with running(
            [f"{self.programs}/postgres", "-D", str(self.data), *settings],
            directory=self.directory,
            log=self.log,
            stop_signal=signal.SIGINT,
            environment={"PATH": f"{self.programs}:/usr/bin:/bin"},
        ) as process:
            ready = [f"{self.programs}/pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port), "-U", "nobody"]

            def answers() -> bool:
                check_alive(process, self.log)
                return subprocess.run(ready, check=False).returncode == 0

            wait_until(answers, "the external PostgreSQL")
            yield


@contextmanager
def external_postgresql(
    directory: Path, programs: str, *options: str, vector: bool = True
) -> Iterator[ExternalPostgreSQL]:
    """A running server with the role and the database.

    Args:
        directory: of the servers' user; the server's own is made in it.
        programs: directory of the server's programs.
        options: ``NAME=VALUE`` of postgresql.conf.
        vector: whether the server has pgvector, and the database the extension.
    """
    server = ExternalPostgreSQL(own_directory(directory, "primary"), programs)
    server.initialize()
    with server.serving(*options):
        server.create_database(vector=vector)
        yield server


def own_directory(directory: Path, name: str) -> Path:
    """A new directory of the servers' user."""
    path = directory / name
    path.mkdir()
    give_away(path)
    return path


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """Directory of a module's servers."""
    with server_directory() as directory:
        yield directory


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[ExternalPostgreSQL]:
    """A module's server, with pgvector and without TLS."""
    with external_postgresql(place, postgresql_with_pgvector()) as server:
        yield server
