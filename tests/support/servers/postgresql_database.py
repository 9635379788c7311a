"""PostgreSQL with the rendered ConfigMap: the init container and the server, in a directory of their own."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from glob import glob
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest

from components.postgresql.configuration import TLS_DIRECTORY
from components.postgresql.names import BACKUP_USER, USER, client_user
from components.postgresql.scram import scram_verifier
from components.postgresql.urls import CLIENT_PARAMETERS
from tests.support.servers.addresses import free_port
from tests.support.servers.container_bounds import Bounds
from tests.support.servers.database_template import copy_template
from tests.support.servers.rendered import rendered
from tests.support.servers.server_process import (
    check_alive,
    give_away,
    missing,
    postgresql_programs,
    running,
    server_directory,
    unprivileged,
    wait_until,
)

PREPARE_SECONDS = 300

PASSWORD = "first-Password-1"
"""Of the owner."""

CLIENT_PASSWORD = "client-Password-1"
"""Of `CLIENT_USER`, the role with which the application serves."""

BACKUP_PASSWORD = "backup-Password-1"

CLIENT_USER = client_user(1)


@dataclass
class Database:
    """A volume, the files of the Secret and of the rendered ConfigMap, with all paths moved to one directory."""

    directory: Path
    files: dict[str, str]
    environment: dict[str, str]
    programs: str
    port: int = field(default_factory=free_port)
    search_path: str = ""
    bounds: Bounds | None = None
    """Resource limits of the main container; None for none."""

    def __post_init__(self) -> None:
        for name in ("volume", "tmp", "run", "conf"):
            (self.directory / name).mkdir()
            give_away(self.directory / name)
        self.write_roles({USER: PASSWORD, CLIENT_USER: CLIENT_PASSWORD, BACKUP_USER: BACKUP_PASSWORD})
        self.write_password(PASSWORD.encode())
        self.log.touch()
        for name, text in self.files.items():
            (self.directory / "conf" / name).write_text(text)

    @property
    def data(self) -> Path:
        return self.directory / "volume" / "pgdata"

    @property
    def unfinished(self) -> Path:
        return self.directory / "volume" / "pgdata.unfinished"

    @property
    def log(self) -> Path:
        return self.directory / "server.log"

    @property
    def roles(self) -> Path:
        """Directory with the Secret of the roles."""
        return self.directory / "roles"

    def write_roles(self, passwords: Mapping[str, str]) -> None:
        """Exchange the files of the roles as the kubelet does: all at once."""
        version = Path(tempfile.mkdtemp(prefix="roles-", dir=self.directory))
        version.chmod(0o755)
        for role, password in passwords.items():
            (version / role).write_text(scram_verifier(role, password))
        link = version.with_suffix(".link")
        link.symlink_to(version)
        link.replace(self.roles)

    def write_password(self, password: bytes) -> None:
        """Change the password of the owner. With one that has no verifier, there are no other roles."""
        file = self.directory / "password"
        file.write_bytes(password)
        give_away(file)
        if self.roles.exists():
            try:
                (self.roles / USER).write_text(scram_verifier(USER, password.decode()))
            except ValueError:
                self.roles.unlink()

    def owner_only(self, password: bytes = PASSWORD.encode()) -> None:
        """Have no other role than the owner, with the password itself in the file: as the backups prepare a server."""
        self.roles.unlink(missing_ok=True)
        self.write_password(password)

    def variables(self) -> dict[str, str]:
        """Environment of the init container."""
        roles = {"ROLES_DIRECTORY": str(self.roles), "PASSWORD_FILE": str(self.roles / USER)}
        return {
            **self.environment,
            "PATH": f"{self.search_path}{self.programs}:/usr/bin:/bin",
            "TMPDIR": str(self.directory / "tmp"),
            "PGDATA": str(self.data),
            "PASSWORD_FILE": str(self.directory / "password"),
            **(roles if self.roles.exists() else {}),
        }

    @property
    def command(self) -> list[str]:
        return ["sh", str(self.directory / "conf" / "prepare.sh")]

    def prepare(self, *arguments: str, killed_at_once: bool = False) -> subprocess.CompletedProcess[str]:
        """Run the init container, or the one with these arguments, to its end.

        Args:
            arguments: of the script.
            killed_at_once: whether a program in it may kill all of its processes, and none of the test's. What it
                prints is then not kept: a server that is still ending holds the pipe.
        """
        return subprocess.run(
            [*self.command, *arguments],
            cwd=self.directory,
            env=self.variables(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if killed_at_once else subprocess.PIPE,
            start_new_session=killed_at_once,
            stderr=subprocess.STDOUT,
            timeout=PREPARE_SECONDS,
            check=False,
            encoding="utf-8",
            errors="backslashreplace",
            **unprivileged(),
        )

    def prepared(self, *arguments: str) -> str:
        """Run `prepare`, which has to succeed; returns what it printed."""
        result = self.prepare(*arguments)
        assert result.returncode == 0, result.stdout
        return result.stdout

    def copied(self) -> None:
        """Give the volume what `prepared` makes of an empty one, as a copy.

        Of the variables and files only those that the init container reads have an effect on it.
        """
        scripts = [text for name, text in sorted(self.files.items()) if name.endswith((".sh", ".sql"))]
        files = [self.directory / "password", *sorted(self.roles.glob("*"))]
        secrets = [repr((file.name, file.read_bytes())) for file in files]
        key = (self.programs, *sorted(self.environment.values()), *scripts, *secrets)

        with server_directory() as directory:

            def make() -> Path:
                first = Database(directory, self.files, self.environment, self.programs)
                shutil.copy(self.directory / "password", first.directory)
                first.roles.unlink()
                if self.roles.exists():
                    shutil.copytree(self.roles, first.roles)
                first.prepared()
                return first.data

            copy_template(key, make, self.data)

    @contextmanager
    def serving(self, stop_signal: int = signal.SIGINT) -> Iterator[None]:
        """The main container."""
        server = [f"{self.programs}/postgres", "-c", f"config_file={self.directory}/conf/postgresql.conf"]
        with running(
            self.bounds.command(server) if self.bounds else server,
            as_container_user=self.bounds is None,
            directory=self.directory,
            log=self.log,
            stop_signal=stop_signal,
            # The image sets PGDATA to the volume; postgresql.conf names the directory in it.
            environment={"PATH": f"{self.programs}:/usr/bin:/bin", "PGDATA": str(self.data.parent)},
        ) as process:
            ready = [f"{self.programs}/pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port), "-U", "nobody"]

            def answers() -> bool:
                check_alive(process, self.log)
                return subprocess.run(ready, check=False).returncode == 0

            wait_until(answers, "PostgreSQL accepts connections")
            yield

    def url(self, user: str, password: str) -> str:
        """URL with which the application connects."""
        where = f"127.0.0.1:{self.port}/{self.environment['POSTGRES_DB']}"
        return f"postgresql://{user}:{password}@{where}?{urlencode(CLIENT_PARAMETERS)}"

    def connect(self, password: str = PASSWORD, **changes: Any) -> "psycopg.Connection[tuple[Any, ...]]":
        """A connection over TCP; without changes that of the owner."""
        target: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": self.port,
            "user": self.environment["POSTGRES_USER"],
            "dbname": self.environment["POSTGRES_DB"],
            "password": password,
            "connect_timeout": 10,
        }
        return psycopg.connect(**{**target, **changes})

    def as_superuser(self, statement: str, database: str | None = None) -> None:
        """Run a statement as `postgres`, which is admitted over the socket only."""
        name = database or self.environment["POSTGRES_DB"]
        with self.connect(
            host=str(self.directory / "run"), user="postgres", dbname=name, autocommit=True
        ) as connection:
            connection.execute(statement.encode())


@pytest.fixture
def database(directory: Path) -> Database:
    return rendered_database(directory, postgresql_programs())


def rendered_database(directory: Path, programs: str, sets: tuple[str, ...] = ()) -> Database:
    """The database of prod, with these config keys set and all paths moved to a directory.

    Args:
        directory: empty, and the servers' own.
        programs: directory of the PostgreSQL server's programs.
        sets: ``KEY=VALUE`` over the environment's config.
    """
    if os.getuid() == 0 and not glob("/usr/lib/*/libnss_wrapper.so"):
        missing("libnss_wrapper", "libnss-wrapper")
    files = dict(rendered("prod", "ConfigMap", "postgres-conf", sets)["data"])
    containers = rendered("prod", "StatefulSet", "postgres", sets)["spec"]["template"]["spec"]["initContainers"]
    (init,) = [container for container in containers if container["name"] == "prepare"]
    variables = {variable["name"]: variable["value"] for variable in init["env"]}
    inside_the_pod = ("PGDATA", "PASSWORD_FILE", "ROLES_DIRECTORY")
    made = Database(
        directory=directory,
        files=files,
        environment={name: value for name, value in variables.items() if name not in inside_the_pod},
        programs=programs,
    )
    settings = files["postgresql.conf"]
    for inside, outside in (
        (variables["PGDATA"], str(made.data)),
        ("/etc/postgresql/", f"{directory}/conf/"),
        ("/var/run/postgresql", f"{directory}/run"),
        ("listen_addresses = '*'", "listen_addresses = '127.0.0.1'"),
        ("port = 5432", f"port = {made.port}"),
    ):
        assert inside in settings
        settings = settings.replace(inside, outside)
    settings = settings.replace(TLS_DIRECTORY, f"{directory}/tls")
    (directory / "conf" / "postgresql.conf").write_text(settings)
    return made
