"""The rendered container of the backups beside a PostgreSQL that the stack did not set up."""

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from tests.support.servers.backups import RUN_SECONDS
from tests.support.servers.external_postgresql import PASSWORD
from tests.support.servers.rendered import rendered
from tests.support.servers.server_process import give_away, unprivileged

SETS = (
    "postgresql.topology=external",
    "postgresql.external.hosts=10.0.0.3",
    "existingSecrets.databaseUrl.name=team-chat",
    "existingSecrets.databaseUrl.key=uri",
    "backup.storage.size=20Gi",
)


@dataclass
class ExternalBackups:
    """The rendered scripts and variables, with the paths moved into one directory."""

    directory: Path
    programs: str
    """Directory of PostgreSQL's programs in the image of the backups."""

    url: str
    """Contents of the Secret."""

    environment: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        for name in ("backups", "scripts", "tmp"):
            (self.directory / name).mkdir()
            give_away(self.directory / name)
        for name, text in rendered("prod", "ConfigMap", "postgres-backup", SETS)["data"].items():
            (self.directory / "scripts" / name).write_text(text)
        job = rendered("prod", "CronJob", "postgres-backup", SETS)["spec"]["jobTemplate"]["spec"]
        (container,) = job["template"]["spec"]["containers"]
        (volume,) = [each for each in job["template"]["spec"]["volumes"] if "secret" in each]
        assert volume["secret"]["secretName"] == "team-chat"
        assert volume["secret"]["items"] == [{"key": "uri", "path": "uri"}]
        variables = {variable["name"]: variable["value"] for variable in container["env"]}
        assert variables["URL_FILE"] == "/run/secrets/postgresql/uri"
        moved = {"URL_FILE": str(self.directory / "uri"), "BACKUP_DIRECTORY": str(self.volume)}
        self.environment = {**variables, **moved}

    @property
    def volume(self) -> Path:
        return self.directory / "backups"

    def run(self, *arguments: str, **changes: str) -> tuple[int, str]:
        """Run the container to its end: exit status, and what it printed."""
        secret = self.directory / "uri"
        secret.write_text(self.url)
        give_away(secret)
        done = subprocess.run(
            ["sh", str(self.directory / "scripts" / "backup.sh"), *arguments],
            cwd=self.directory,
            env={
                **self.environment,
                "PATH": f"{self.programs}:/usr/bin:/bin",
                "TMPDIR": str(self.directory / "tmp"),
                "PASSWORD_SECONDS": "0",
                **changes,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=RUN_SECONDS,
            check=False,
            encoding="utf-8",
            errors="backslashreplace",
            **unprivileged(),
        )
        assert PASSWORD not in done.stdout
        assert not list((self.directory / "tmp").iterdir()), done.stdout
        return done.returncode, done.stdout

    def done(self, *arguments: str, **changes: str) -> str:
        """Run it; it has to succeed. Returns what it printed."""
        status, output = self.run(*arguments, **changes)
        assert status == 0, output
        return output

    def refused(self, *arguments: str, **changes: str) -> str:
        """Run it; it has to fail, and to keep no dump. Returns what it printed."""
        before = self.dumps()
        status, output = self.run(*arguments, **changes)
        assert status == 1, output
        assert self.dumps() == before
        return output

    def dumps(self) -> list[str]:
        """Names of the dumps, the oldest first."""
        return sorted(path.name for path in self.volume.glob("*.dump"))

    def execute(self, statements: str) -> list[tuple[Any, ...]]:
        """Rows of the last statement, by the role of the URL."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statements.encode())
            return cursor.fetchall() if cursor.description else []
