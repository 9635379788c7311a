"""The rendered pod of backups with a bucket: real PostgreSQL, real client of S3, a server with the API of S3."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.servers.backups import RUN_SECONDS, Backups, backups_of
from tests.support.servers.open_webui_image import PACKAGES
from tests.support.servers.postgresql_database import Database
from tests.support.servers.rendered import rendered
from tests.support.servers.s3_server import BUCKET, Key, S3Server
from tests.support.servers.server_process import give_away, missing, running

SETS = (
    f"backup.s3.bucket={BUCKET}",
    "backup.s3.endpointUrl=http://s3.storage.svc:9000",
    "backup.s3.region=us-east-1",
    "existingSecrets.backupS3AccessKeyId.name=bucket",
    "existingSecrets.backupS3AccessKeyId.key=access",
    "existingSecrets.backupS3SecretAccessKey.name=bucket",
    "existingSecrets.backupS3SecretAccessKey.key=secret",
    "openWebui.uploads.kind=volume",
)


def age_keys(directory: Path) -> tuple[str, Path]:
    """A recipient and the file with its identity, by the real `age-keygen`."""
    identity = directory / "identity.txt"
    try:
        subprocess.run(["age-keygen", "-o", str(identity)], check=True, capture_output=True)
    except FileNotFoundError:
        missing("age", "age")
    give_away(identity)
    done = subprocess.run(["age-keygen", "-y", str(identity)], check=True, capture_output=True, text=True)
    return done.stdout.strip(), identity


@dataclass
class Pod:
    """The containers of the backups, with all paths moved into one directory."""

    backups: Backups
    """The container that makes the dump, and the volume of the dumps."""

    server: S3Server
    key: Key
    changes: dict[str, str]
    """Variables of the containers that use the bucket, instead of the rendered ones."""

    @property
    def uploads(self) -> Path:
        return self.backups.database.directory / "uploads"

    def container(self, name: str) -> dict[str, Any]:
        """The rendered container of that name."""
        template = rendered("prod", "CronJob", "postgres-backup", SETS)["spec"]["jobTemplate"]["spec"]["template"]
        containers = [*template["spec"].get("initContainers", ()), *template["spec"]["containers"]]
        (container,) = [each for each in containers if each["name"] == name]
        return dict(container)

    def variables(self, name: str) -> dict[str, str]:
        """Environment of a container that uses the bucket."""
        directory = self.backups.database.directory
        values = {each["name"]: each["value"] for each in self.container(name)["env"]}
        moved = {
            "PYTHONPATH": ("/etc/backup-bucket", str(directory / "program")),
            "BACKUP_DIRECTORY": ("/backups", str(self.backups.volume)),
            "UPLOADS_DIRECTORY": ("/uploads", str(self.uploads)),
            "BUCKET_ENDPOINT_URL": ("http://s3.storage.svc:9000", self.server.url),
            "BUCKET_CREDENTIALS": ("/run/secrets/bucket", str(self._credentials())),
        }
        for variable, (inside, outside) in moved.items():
            assert values[variable] == inside
            values[variable] = outside
        return {
            **values,
            "PATH": "/usr/bin:/bin",
            "TMPDIR": str(self.backups.temporary),
            "AWS_EC2_METADATA_DISABLED": "true",
            **self.changes,
        }

    def _credentials(self) -> Path:
        """The files of the mounted Secrets."""
        directory = self.backups.database.directory / "credentials"
        directory.mkdir(exist_ok=True)
        (directory / "access-key-id").write_text(self.key.identifier)
        (directory / "secret-access-key").write_text(self.key.secret)
        return directory

    def command(self, name: str, *arguments: str) -> list[str]:
        """The command of a container that uses the bucket, with its own arguments or others."""
        container = self.container(name)
        assert container["command"][0] == "python"
        return [str(PACKAGES / "bin" / "python"), *container["command"][1:], *(arguments or container["args"])]

    def run(self, name: str, *arguments: str) -> tuple[int, str]:
        """Run a container that uses the bucket to its end: exit status, and what it printed."""
        done = subprocess.run(
            self.command(name, *arguments),
            cwd=self.backups.database.directory,
            env=self.variables(name),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=RUN_SECONDS,
            check=False,
            text=True,
        )
        # Python of the virtual environment may be root's alone; in the pod all containers have one user.
        for path in (self.backups.volume, *self.backups.volume.iterdir()):
            give_away(path)
        assert self.key.secret not in done.stdout
        assert "AGE-SECRET-KEY" not in done.stdout
        return done.returncode, done.stdout

    def done(self, name: str, *arguments: str) -> str:
        """Run it; it has to succeed."""
        code, output = self.run(name, *arguments)
        assert code == 0, output
        return output

    def refused(self, name: str, *arguments: str) -> str:
        """Run it; it has to fail with a reason and no traceback. Returns the reason."""
        code, output = self.run(name, *arguments)
        assert code == 1, output
        assert "Traceback" not in output
        return output.rstrip().splitlines()[-1]

    @contextmanager
    def running(self, name: str, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
        """The container, while the block runs."""
        with running(
            self.command(name, *arguments),
            directory=self.backups.database.directory,
            log=self.backups.database.directory / "bucket.log",
            stop_signal=signal.SIGKILL,
            environment=self.variables(name),
            as_container_user=False,
        ) as process:
            yield process

    def back_up(self) -> str:
        """What a Job of the CronJob does: each container after the other. Returns what they printed."""
        template = rendered("prod", "CronJob", "postgres-backup", SETS)["spec"]["jobTemplate"]["spec"]["template"]
        printed = []
        for container in (*template["spec"]["initContainers"], *template["spec"]["containers"]):
            if container["command"][0] == "python":
                printed.append(self.done(container["name"]))
            else:
                printed.append(self.backups.done(*container["args"], TO_BUCKET="yes"))
        return "".join(printed)

    def upload(self, name: str, contents: bytes) -> None:
        """Store a file and insert its row, in the order of Open WebUI."""
        path = self.uploads / name
        path.write_bytes(contents)
        give_away(path)
        self.backups.execute(f"INSERT INTO file (id, path) VALUES ('{name}', '/var/lib/open-webui/uploads/{name}')")

    def sets_listed(self) -> list[str]:
        """`ORIGIN/NAME` of the sets, the newest first."""
        lines = self.done("bucket", "list").splitlines()
        return [line.split()[2].rstrip(":") for line in lines if line.startswith("backup: set ")]


def pod_of(database: Database, server: S3Server, **changes: str) -> Pod:
    """The pod beside a database that is prepared and serves.

    Args:
        database: the database.
        server: has the bucket.
        changes: variables of the containers that use the bucket, instead of the rendered ones.
    """
    directory = database.directory
    backups = backups_of(database, SETS)
    for name in ("uploads", "program", "program/bucket"):
        (directory / name).mkdir()
        give_away(directory / name)
    for name, text in rendered("prod", "ConfigMap", "postgres-backup-bucket", SETS)["data"].items():
        (directory / "program" / "bucket" / name).write_text(text)
    return Pod(backups, server, server.writer, changes)
