"""The rendered backup.sh with a real PostgreSQL beside it."""

import copy
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stackctl.deployed.backup_login import restore_as_owner
from tests.support.servers.postgresql_database import BACKUP_PASSWORD, PASSWORD, Database
from tests.support.servers.rendered import rendered
from tests.support.servers.server_process import give_away, running, unprivileged

RUN_SECONDS = 600


TABLES = """
CREATE TABLE "user" (id text PRIMARY KEY, name text NOT NULL);
CREATE TABLE chat (
    id serial PRIMARY KEY, user_id text REFERENCES "user" ON DELETE CASCADE, chat json, "whole" text, at timestamptz
);
CREATE INDEX chat_user ON chat (user_id);
CREATE SCHEMA notes;
CREATE TABLE notes."Odd |name'" (x double precision);
INSERT INTO "user" VALUES ('u1', 'Ada'), ('u2', 'Grace | Hopper');
INSERT INTO chat (user_id, chat, "whole", at)
    SELECT 'u1', json_build_object('text', 'It''s line ' || n || E'\\n\\\\. end'), 'w', '2026-01-01 12:00+02'
    FROM generate_series(1, 500) AS n;
INSERT INTO notes."Odd |name'" VALUES (0.1), ('NaN'), (1e-300);
"""


ROWS = 505


@dataclass
class Backups:
    """The rendered scripts and variables, with the paths moved into one directory."""

    database: Database
    volume: Path
    scripts: Path
    environment: dict[str, str]
    owner: dict[str, str]
    """Variables with which a restore logs in."""

    arguments: list[str]

    @property
    def temporary(self) -> Path:
        return self.database.directory / "tmp"

    def variables(self, *arguments: str, **changes: str) -> dict[str, str]:
        return {
            **self.environment,
            **(self.owner if arguments[:1] == ("restore",) else {}),
            "PATH": f"{self.database.search_path}{self.database.programs}:/usr/bin:/bin",
            "TMPDIR": str(self.temporary),
            **changes,
        }

    def command(self, *arguments: str) -> list[str]:
        return ["sh", str(self.scripts / "backup.sh"), *(arguments or self.arguments)]

    def run(self, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        """Run the container with these arguments, or with those of the CronJob, to its end."""
        return subprocess.run(
            self.command(*arguments),
            cwd=self.database.directory,
            env=self.variables(*arguments, **changes),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=RUN_SECONDS,
            check=False,
            encoding="utf-8",
            errors="backslashreplace",
            **unprivileged(),
        )

    def done(self, *arguments: str, **changes: str) -> str:
        """Run it; it has to succeed. Returns what it printed."""
        result = self.run(*arguments, **changes)
        assert result.returncode == 0, result.stdout
        assert PASSWORD not in result.stdout
        assert BACKUP_PASSWORD not in result.stdout
        return result.stdout

    def refused(self, *arguments: str, **changes: str) -> str:
        """Run it; it has to fail, and to leave nothing unfinished. Returns what it printed."""
        before = self.files()
        result = self.run(*arguments, **changes)
        assert result.returncode == 1, result.stdout
        assert PASSWORD not in result.stdout
        assert BACKUP_PASSWORD not in result.stdout
        assert self.files() == before
        assert not list(self.temporary.iterdir())
        return result.stdout

    def write_password(self, password: bytes) -> None:
        """Change the password in the Secret of the role with which a dump logs in."""
        file = Path(self.environment["PASSWORD_FILE"])
        file.write_bytes(password)
        give_away(file)

    def files(self) -> list[str]:
        """Files on the volume, except the lock."""
        return sorted(path.name for path in self.volume.iterdir() if path.name != ".lock")

    def dumps(self) -> list[str]:
        """Names of the dumps, the oldest first."""
        return [name for name in self.files() if name.endswith(".dump")]

    def execute(self, statements: str) -> list[tuple[Any, ...]]:
        """Rows of the last statement, by the owner."""
        with self.database.connect(autocommit=True) as connection:
            cursor = connection.execute(statements.encode())
            return cursor.fetchall() if cursor.description else []

    def contents(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything in the tables of `TABLES`, read without the script."""
        return {
            table: self.execute(f"SELECT t::text FROM {table} AS t ORDER BY 1")
            for table in ('"user"', "chat", 'notes."Odd |name\'"')
        }

    @contextmanager
    def running(self, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
        """The container, for as long as the block lasts."""
        with running(
            self.command(*arguments),
            directory=self.database.directory,
            log=self.database.directory / "backup.log",
            stop_signal=signal.SIGKILL,
            environment=self.variables(*arguments),
        ) as process:
            yield process


@pytest.fixture
def backups(database: Database) -> Iterator[Backups]:
    """A server with `TABLES` in it, and the CronJob's container beside it."""
    made = backups_of(database)
    database.copied()
    with database.serving():
        made.execute(TABLES)
        yield made


def backups_of(database: Database, sets: tuple[str, ...] = ()) -> Backups:
    """The CronJob's container beside a database, with these config keys set."""
    directory = database.directory
    for name in ("backups", "scripts"):
        (directory / name).mkdir()
        give_away(directory / name)
    for name, text in rendered("prod", "ConfigMap", "postgres-backup", sets)["data"].items():
        (directory / "scripts" / name).write_text(text)
    template = rendered("prod", "CronJob", "postgres-backup", sets)["spec"]["jobTemplate"]["spec"]["template"]
    spec = copy.deepcopy(template["spec"])
    container = _container(spec)
    assert container["command"] == ["sh", "/etc/backup/backup.sh"]
    variables = _variables(container, database, login="backup-password")
    restore_as_owner(spec)
    changed = _variables(_container(spec), database, login="password")
    owner = {name: value for name, value in changed.items() if value != variables[name]}
    made = Backups(database, directory / "backups", directory / "scripts", variables, owner, container["args"])
    made.write_password(BACKUP_PASSWORD.encode())
    return made


def _container(spec: dict[str, Any]) -> dict[str, Any]:
    (container,) = [each for each in (*spec.get("initContainers", ()), *spec["containers"]) if each["name"] == "backup"]
    return dict(container)


def _variables(container: dict[str, Any], database: Database, *, login: str) -> dict[str, str]:
    directory = database.directory
    variables = {variable["name"]: variable["value"] for variable in container["env"]}
    moved = {
        "PGHOST": ("postgres", "127.0.0.1"),
        "PGPORT": ("5432", str(database.port)),
        "PASSWORD_FILE": (f"/run/secrets/postgresql/{login}", str(directory / login)),
        "BACKUP_DIRECTORY": ("/backups", str(directory / "backups")),
    }
    for name, (inside, outside) in moved.items():
        assert variables[name] == inside
        variables[name] = outside
    return variables


def program_before(backups: Backups, name: str, text: str) -> None:
    """Put a program before the real one."""
    directory = backups.database.directory / "before"
    directory.mkdir()
    (directory / name).write_text(f"#!/bin/sh\n{text}\n")
    (directory / name).chmod(0o755)
    give_away(directory)
    backups.database.search_path = f"{directory}:"
