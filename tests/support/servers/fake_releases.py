"""Two releases of a small fake of Open WebUI whose schemas differ, for the servers and `migrate` of a handover.

The application is `fake_application.py`. ``2.0.0`` adds a column to the table of ``1.0.0``. What `migrate` and the
servers import, and the command of the container that serves, are the stack's own.
"""

import os
import shutil
import signal
import subprocess
import urllib.error
import urllib.request
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from components.open_webui.names import PORT
from components.postgresql.names import CLIENT_ROLE
from components.postgresql.names import USER as OWNER
from tests.support.servers.addresses import free_port
from tests.support.servers.fake_open_webui import SCRIPTS
from tests.support.servers.open_webui_image import PACKAGES
from tests.support.servers.postgresql_database import CLIENT_PASSWORD, CLIENT_USER, PASSWORD, Database
from tests.support.servers.server_process import not_there, wait_until
from tests.support.unit import recording

APPLICATION = Path(__file__).with_name("fake_application.py")
HANDOVER_SECONDS = 30
DRAIN_SECONDS = 20

MAIN = '''
import contextlib, os, types
import sqlalchemy
import psycopg

if os.environ.get("FAKE_READS_AT_IMPORT"):
    sqlalchemy.create_engine(os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+psycopg:")).connect()

async def install_tool_and_function_dependencies():
    """The step migrate must not let run."""

@contextlib.asynccontextmanager
async def lifespan_context(_):
    await install_tool_and_function_dependencies()
    yield

app.router = types.SimpleNamespace(lifespan_context=lifespan_context)
'''

CONFIG = """
import os, psycopg

def run_migrations():
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS chat (text text)")
        for statement in {statements!r}:
            connection.execute(statement)
        connection.execute("CREATE TABLE IF NOT EXISTS alembic_version (version_num text PRIMARY KEY)")
        connection.execute("DELETE FROM alembic_version")
        connection.execute("INSERT INTO alembic_version VALUES (%s)", ({head!r},))
        if os.environ.get("FAKE_ERROR"):
            raise RuntimeError("the migration failed")

if os.environ["ENABLE_DB_MIGRATIONS"] == "true":
    run_migrations()
"""

USERS = """
class Users:
    @staticmethod
    async def has_users(): return True
"""


@dataclass
class Process:
    """A running container."""

    process: "subprocess.Popen[str]"
    port: int
    log_file: Path

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    def status(self, path: str = "/health/db") -> int:
        """HTTP status; 0 if nothing answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            return error.code
        except (OSError, urllib.error.URLError):
            return 0

    def serves(self) -> None:
        """Wait until the application answers."""
        wait_until(lambda: self.status() == 200, "it serves", 60)

    def waits(self) -> None:
        """Wait until it answers as a server that must not serve."""
        wait_until(lambda: self.status() == 503, "it waits", 60)

    def logs(self, text: str) -> None:
        """Wait until the log has this text."""
        wait_until(lambda: text in self.log, f"the log has: {text}", 60)

    def kill(self) -> None:
        """End the container and all of its processes at once."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def ended(self) -> int:
        return self.process.wait(60)


@dataclass
class FakeRelease:
    """A release of the fake, on a database."""

    directory: Path
    database: Database
    version: str
    heads: tuple[str, ...]
    """Its revisions in their order."""

    started: list[Process] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not (PACKAGES / "ready").exists():
            not_there("Open WebUI is missing; install it with: make .venv-open-webui/ready (Python 3.11 or 3.12)")
        statements = [] if len(self.heads) == 1 else ["ALTER TABLE chat ADD COLUMN title text"]
        files = {
            "package.json": f'{{"version": "{self.version}"}}',
            "backend/open_webui/__init__.py": "",
            "backend/open_webui/tasks.py": "tasks = {}\n",
            "backend/open_webui/env.py": "",
            "backend/open_webui/config.py": CONFIG.format(statements=statements, head=self.heads[-1]),
            "backend/open_webui/main.py": f"import open_webui.config\n{APPLICATION.read_text()}{MAIN}",
            "backend/open_webui/models/__init__.py": "",
            "backend/open_webui/models/users.py": USERS,
        }
        parent = None
        for head in self.heads:
            files[f"backend/open_webui/migrations/versions/{head}.py"] = (
                f"revision = {head!r}\ndown_revision = {parent!r}\n"
            )
            parent = head
        for name, text in files.items():
            (self.directory / name).parent.mkdir(parents=True, exist_ok=True)
            (self.directory / name).write_text(text)
        shutil.copytree(SCRIPTS / "startup", self.directory / "scripts" / "startup")

    def serve(self, user: str = CLIENT_USER, password: str = CLIENT_PASSWORD) -> Process:
        """Start the container that serves, without waiting."""
        port = free_port()
        deployed = recording.run("dev", [f"openWebui.drainSeconds={DRAIN_SECONDS}"])
        here = {"0.0.0.0": "127.0.0.1", str(PORT): str(port)}
        words = deployed.containers["open-webui/open-webui"]["command"]
        return self._start([here.get(word, word) for word in words], port, self.url(user, password), "false")

    def migrate(self, **changes: str) -> Process:
        """Start the init container, without waiting."""
        command = ["python", "-m", "startup.migrate"]
        return self._start(command, 0, self.url(OWNER, PASSWORD), "true", **changes)

    def migrated(self, **changes: str) -> str:
        """Run the init container, which has to succeed."""
        process = self.migrate(**changes)
        assert process.ended() == 0, process.log
        return process.log

    def url(self, user: str, password: str) -> str:
        """URL of the database for a role."""
        name = self.database.environment["POSTGRES_DB"]
        return f"postgresql://{user}:{password}@127.0.0.1:{self.database.port}/{name}"

    def _start(self, command: list[str], port: int, url: str, migrations: str, **changes: str) -> Process:
        log = self.directory / f"log-{len(self.started)}"
        with log.open("w") as output:
            process = subprocess.Popen(
                [str(PACKAGES / "bin" / "python") if word == "python" else word for word in command],
                cwd=self.directory / "backend",
                env={
                    "PATH": "/usr/bin:/bin",
                    "PYTHONPATH": str(self.directory / "scripts"),
                    "PYTHONUNBUFFERED": "1",
                    "DATABASE_URL": url,
                    "ENABLE_DB_MIGRATIONS": migrations,
                    "VECTOR_DB": "none",
                    "SCHEMA_UPGRADE": "handover",
                    "MIGRATE_CLIENT_ROLE": CLIENT_ROLE,
                    "MIGRATE_CLIENT_URL": self.url(CLIENT_USER, CLIENT_PASSWORD),
                    "MIGRATE_DATABASE_WAIT_SECONDS": "60",
                    "MIGRATE_REDIS_WAIT_SECONDS": "60",
                    "MIGRATE_LOCK_WAIT_SECONDS": "120",
                    "MIGRATE_RUN_SECONDS": "60",
                    "MIGRATE_HANDOVER_SECONDS": str(HANDOVER_SECONDS),
                    "MIGRATE_NOTICE_SECONDS": "1",
                    **changes,
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        self.started.append(Process(process, port, log))
        return self.started[-1]

    def close(self) -> None:
        """End everything that was started."""
        with ExitStack() as ends:
            for each in self.started:
                ends.callback(each.kill)
