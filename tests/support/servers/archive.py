"""The archive of a database in a bucket: the rendered containers, on real PostgreSQL, Barman Cloud and an S3 server."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from components.postgresql.archive.container import FILES
from tests.support.servers.postgresql_database import Database, rendered_database
from tests.support.servers.rendered import rendered
from tests.support.servers.s3_server import BUCKET, Key, S3Server, s3_server
from tests.support.servers.server_process import (
    SERVER_PACKAGES,
    give_away,
    not_there,
    postgresql_with_pgvector,
    running,
    server_directory,
    unprivileged,
    wait_until,
)

SETS = (
    "postgresql.archive.enabled=true",
    f"postgresql.archive.s3.bucket={BUCKET}",
    "postgresql.archive.s3.prefix=chats/prod",
    "postgresql.archive.s3.endpointUrl=http://s3.storage.svc:9000",
    "postgresql.archive.s3.region=us-east-1",
    "existingSecrets.archiveS3AccessKeyId.name=bucket",
    "existingSecrets.archiveS3AccessKeyId.key=id",
    "existingSecrets.archiveS3SecretAccessKey.name=bucket",
    "existingSecrets.archiveS3SecretAccessKey.key=secret",
)
RECOVERY_SECONDS = 240


@dataclass
class Archived:
    """A database, and the archive container beside it."""

    database: Database
    bucket: S3Server
    environment: dict[str, str]
    changes: dict[str, str] = field(default_factory=dict)
    """Variables of the container that are not those of the manifest."""

    def __post_init__(self) -> None:
        for name in ("exchange", "credentials", "archive-tmp"):
            (self.directory / name).mkdir()
            give_away(self.directory / name)
        package = self.scripts / "archive"
        package.mkdir(parents=True)
        for name, text in FILES.items():
            (package if name.endswith(".py") else self.scripts).joinpath(name).write_text(text)
        self.write_credentials(self.bucket.writer)

    @property
    def directory(self) -> Path:
        return self.database.directory

    @property
    def scripts(self) -> Path:
        return self.directory / "archive-scripts"

    @property
    def log(self) -> Path:
        return self.directory / "archive.log"

    @property
    def exchange(self) -> Path:
        return self.directory / "exchange"

    def write_credentials(self, key: Key) -> None:
        """Change the mounted Secret."""
        for name, value in (("access-key-id", key.identifier), ("secret-access-key", key.secret)):
            file = self.directory / "credentials" / name
            file.write_text(value)
            give_away(file)

    def variables(self, **changes: str) -> dict[str, str]:
        """Environment of the archive container."""
        packages = next(SERVER_PACKAGES.glob("lib/python3*/site-packages"))
        return {
            **self.environment,
            "PYTHONPATH": f"{self.scripts}:{packages.resolve()}",
            "PATH": "/usr/bin:/bin",
            "TMPDIR": str(self.directory / "archive-tmp"),
            "PGPORT": str(self.database.port),
            **self.changes,
            **changes,
        }

    @contextmanager
    def archiving(self, **changes: str) -> Iterator["subprocess.Popen[bytes]"]:
        """The archive container."""
        with running(
            [python(), "-m", "archive.agent"],
            directory=self.directory,
            log=self.log,
            stop_signal=signal.SIGTERM,
            environment=self.variables(**changes),
        ) as process:
            yield process

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Both containers."""
        with self.archiving(), self.database.serving():
            yield

    def backed_up(self) -> None:
        """Wait until the bucket has a base backup."""
        self.logged("the base backup is in the bucket")

    def logged(self, text: str, seconds: float = 180) -> None:
        """Wait until the log of the archive container has that text."""
        try:
            wait_until(lambda: text in self.log.read_text(), text, seconds)
        except TimeoutError:
            pytest.fail(f"the archive container did not log: {text}\n{self.log.read_text()}")

    def execute(self, statements: str) -> list[tuple[Any, ...]]:
        """Rows of the last statement, by the superuser."""
        with self.database.connect(
            host=str(self.directory / "run"), user="postgres", dbname="ragsystemdb", autocommit=True
        ) as connection:
            cursor = connection.execute(statements.encode())
            return cursor.fetchall() if cursor.description else []

    def archived(self) -> None:
        """Wait until everything that is committed is in the bucket."""
        [(segment,)] = self.execute("SELECT pg_walfile_name(pg_switch_wal())")
        done = "SELECT last_archived_wal >= %r FROM pg_stat_archiver"
        wait_until(lambda: self.execute(done % segment) == [(True,)], f"{segment} is archived", 60)

    def now(self) -> str:
        """The server's clock, as PostgreSQL and Python read it."""
        [(text,)] = self.execute("SELECT to_char(clock_timestamp(), 'YYYY-MM-DD\"T\"HH24:MI:SS.USOF') || ':00'")
        return str(text)

    def catalogue(self, target: str = "", identifier: str = "") -> dict[str, Any]:
        """What the bucket has, as stackctl asks for it."""
        done = subprocess.run(
            [python(), "-m", "archive.catalogue", *([target] if target else []), *([identifier] if identifier else [])],
            cwd=self.directory,
            env=self.variables(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            **unprivileged(),
        )
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def recover(self, *arguments: str, archive: str, **changes: str) -> subprocess.CompletedProcess[str]:
        """The pod of a recovery, to its end."""
        with self.archiving(ARCHIVE=archive, BASE_BACKUP_HOURS="0"):
            return subprocess.run(
                ["sh", str(self.scripts / "recover.sh"), *arguments],
                cwd=self.directory,
                env={
                    "PATH": f"{self.database.programs}:/usr/bin:/bin",
                    "TMPDIR": str(self.directory / "tmp"),
                    "PGDATA": str(self.database.data),
                    "POSTGRES_DB": "ragsystemdb",
                    "EXCHANGE": str(self.exchange),
                    "SCRIPTS": str(self.scripts),
                    **changes,
                },
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=RECOVERY_SECONDS,
                check=False,
                encoding="utf-8",
                **unprivileged(),
            )

    def recovered(self, target: str, mode: str = "replace", **changes: str) -> str:
        """Recover to that time, which has to succeed; returns what it printed."""
        plan = self.catalogue(target, changes.pop("archive", ""))["plan"]
        assert "backup" in plan, plan
        done = self.recover(mode, plan["backup"], plan["timeline"], plan["target"], archive=plan["archive"], **changes)
        assert done.returncode == 0, f"{done.stdout}\n{self.log.read_text()}"
        return done.stdout


@pytest.fixture(scope="module")
def bucket() -> Iterator[S3Server]:
    """The S3 server of a module's archives."""
    with server_directory() as directory, s3_server(directory) as server:
        server.without_checks()
        yield server


def python() -> str:
    """A Python that the containers' user may run, with the version of the packages."""
    if not list(SERVER_PACKAGES.glob("lib/python3*/site-packages/barman/clients/cloud_walarchive.py")):
        not_there("Barman Cloud is missing; install it with: make .venv-servers/ready")
    if os.getuid() != 0:
        return sys.executable
    version = f"python3.{sys.version_info.minor}"
    program = shutil.which(version, path="/usr/bin:/usr/local/bin")
    if not program:
        not_there(f"{version} is missing in /usr/bin: the container's user cannot run the one of this environment")
    return program


def archived_database(directory: Path, bucket: S3Server, sets: tuple[str, ...] = ()) -> Archived:
    """A database with an archive, with these config keys set, and all paths moved to a directory."""
    sets = (*SETS, *sets)
    database = rendered_database(directory, postgresql_with_pgvector(), sets)
    stateful_set = rendered("prod", "StatefulSet", "postgres", sets)
    [container] = [
        each for each in stateful_set["spec"]["template"]["spec"]["initContainers"] if each["name"] == "archive"
    ]
    assert container["command"] == ["python3", "-m", "archive.agent"]
    assert dict(rendered("prod", "ConfigMap", "postgres-archive", sets)["data"]) == FILES
    variables = {each["name"]: each["value"] for each in container["env"]}
    moved = {
        "PGDATA": str(database.data),
        "SOCKET_DIRECTORY": str(directory / "run"),
        "EXCHANGE": str(directory / "exchange"),
        "BUCKET_CREDENTIALS": str(directory / "credentials"),
        "BUCKET_ENDPOINT_URL": bucket.url,
    }
    made = Archived(database, bucket, {**variables, **moved})
    conf = directory / "conf" / "postgresql.conf"
    text = conf.read_text()
    assert "sh /etc/archive/request.sh push" in text
    conf.write_text(
        text.replace("sh /etc/archive/request.sh", f"EXCHANGE={made.exchange} sh {made.scripts}/request.sh")
    )
    database.environment["ARCHIVE_MODE"] = "on"
    _mount(conf.parent)
    return made


def _mount(directory: Path) -> None:
    """Make the files of a directory what those of a mounted ConfigMap are: symbolic links into another one."""
    data = directory / "..data"
    data.mkdir()
    for file in [each for each in directory.iterdir() if each.is_file()]:
        file.rename(data / file.name)
        file.symlink_to(f"..data/{file.name}")


def elapsed(since: float) -> float:
    """Seconds since a time of `time.monotonic`."""
    return round(time.monotonic() - since, 1)
