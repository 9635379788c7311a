"""PgBouncer with the rendered configuration, in a directory of its own: Debian 13's release."""

import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from components.postgresql.names import CLIENT_USERS, DATABASE
from components.postgresql.pooler.configuration import (
    CONFIG_FILE,
    CONFIGURATION_DIRECTORY,
    HBA_FILE,
    SECRET_DIRECTORY,
    SOCKET_DIRECTORY,
    TLS_DIRECTORY,
    user_list,
)
from components.postgresql.pooler.monitoring.exporter import EXPORTER_USER
from components.postgresql.pooler.names import POOLER, SERVER_FILE, USERS_FILE
from components.postgresql.scram import scram_verifier
from tests.support.servers.addresses import free_port
from tests.support.servers.pgbouncer import new_pgbouncer
from tests.support.servers.rendered import rendered
from tests.support.servers.server_process import check_alive, give_away, running, wait_until

ON = ("postgresql.pooler.enabled=true", "postgresql.maxConnections=1200", "postgresql.resources.limits.memory=8Gi")


@dataclass
class RenderedPooler:
    """The files of the ConfigMap and of the Secret, with all paths moved to one directory."""

    directory: Path
    server: str
    """Text of server.ini."""

    passwords: Mapping[str, str]
    """Of the users that may log in, by name."""

    sets: tuple[str, ...] = ON
    plain: bool = False
    """Whether the list of users has passwords, as in front of an external server, and not verifiers."""

    changes: Mapping[str, str] = field(default_factory=dict)
    """Settings of pgbouncer.ini that differ from those of the stack."""

    port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        self.directory.mkdir(exist_ok=True)
        give_away(self.directory)
        for name in ("secret", "run"):
            (self.directory / name).mkdir()
            give_away(self.directory / name)
        self.log.touch()
        files = rendered("prod", "ConfigMap", POOLER, self.sets)["data"]
        text = files[CONFIG_FILE]
        for inside, outside in (
            (SECRET_DIRECTORY, f"{self.directory}/secret"),
            (SOCKET_DIRECTORY, f"{self.directory}/run"),
            *([(f"{CONFIGURATION_DIRECTORY}/", f"{self.directory}/")] if HBA_FILE in files else []),
            ("listen_addr = *", "listen_addr = 127.0.0.1"),
            ("listen_port = 5432", f"listen_port = {self.port}"),
        ):
            assert inside in text
            text = text.replace(inside, outside)
        text = text.replace(TLS_DIRECTORY, f"{self.directory}/tls")
        for name, value in self.changes.items():
            text, count = re.subn(rf"(?m)^{name} = .*$", f"{name} = {value}", text)
            assert count == 1, name
        for name, script in files.items():
            (self.directory / name).write_text(script)
        (self.directory / CONFIG_FILE).write_text(text)
        secrets = {
            user: password if self.plain else scram_verifier(user, password)
            for user, password in self.passwords.items()
        }
        (self.directory / "secret" / USERS_FILE).write_text(
            user_list(secrets, EXPORTER_USER if HBA_FILE in files else None)
        )
        (self.directory / "secret" / SERVER_FILE).write_text(self.server)

    @property
    def log(self) -> Path:
        return self.directory / "pgbouncer.log"

    @contextmanager
    def serving(self, stop_signal: int = signal.SIGQUIT) -> Iterator["subprocess.Popen[bytes]"]:
        """The main container. Without another signal its end does not wait for the clients."""
        program = new_pgbouncer(self.directory)
        with running(
            [*program, str(self.directory / CONFIG_FILE)],
            directory=self.directory,
            log=self.log,
            stop_signal=stop_signal,
        ) as process:
            wait_until(lambda: self._answers(process), "PgBouncer", 20)
            yield process

    def _answers(self, process: "subprocess.Popen[bytes]") -> bool:
        check_alive(process, self.log)
        pg_isready = shutil.which("pg_isready") or "pg_isready"
        ready = [pg_isready, "-q", "-h", "127.0.0.1", "-p", str(self.port), "-U", CLIENT_USERS[0], "-d", DATABASE]
        return subprocess.run([*ready, "-t", "3"], check=False).returncode == 0

    def connect(self, user: str, **changes: Any) -> "psycopg.Connection[tuple[Any, ...]]":
        """A session of a user, each statement a transaction of its own."""
        target: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": self.port,
            "user": user,
            "password": self.passwords.get(user, "guess"),
            "dbname": DATABASE,
            "connect_timeout": 20,
            "autocommit": True,
        }
        return psycopg.connect(**{**target, **changes})

    def console(self, statement: str) -> list[tuple[Any, ...]]:
        """Rows of a statement of the console, asked by the user of the process."""
        words = ("-U", "pgbouncer", "-d", "pgbouncer", "-c", statement)
        shown = subprocess.run(
            ["psql", "-XAtq", "-h", str(self.directory / "run"), "-p", str(self.port), *words],
            capture_output=True,
            text=True,
            check=True,
            timeout=20,
            user=self._owner(),
        ).stdout
        return [tuple(line.split("|")) for line in shown.splitlines()]

    def _owner(self) -> int:
        return (self.directory / "run").stat().st_uid
