"""An image with a small fake in the place of Open WebUI, for the scripts of the pods.

The fake has the real one's layout and the few names the scripts use. It notes in the database when it was imported and
when its start was over, so a test sees whether two of them were at work at the same time.
"""

import os
import signal
import subprocess
import sys
import textwrap
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from stack_config.files import ROOT
from tests.support.servers.postgresql_database import Database

SCRIPTS = ROOT / "components" / "open_webui" / "files"
"""Directory with the package `startup`."""

WAITS = {
    "MIGRATE_DATABASE_WAIT_SECONDS": "300",
    "MIGRATE_REDIS_WAIT_SECONDS": "300",
    "MIGRATE_LOCK_WAIT_SECONDS": "1860",
    "MIGRATE_RUN_SECONDS": "1800",
    "PREFLIGHT_WAIT_SECONDS": "10",
}
PASSWORD = "p4ss%wörd/@ 'x"
ADMIN_PASSWORD = "Admin+Secret&1"

FAKE_MAIN = '''
"""A fake of open_webui.main for tests."""
import asyncio, contextlib, os, types
import psycopg

database = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
assert os.environ["ENABLE_DB_MIGRATIONS"] == "true" and os.environ["REDIS_URL"] == ""
database.execute("CREATE TABLE IF NOT EXISTS fake (id serial, begun timestamptz, ended timestamptz, served boolean)")
(number,) = database.execute("INSERT INTO fake (begun) VALUES (clock_timestamp()) RETURNING id").fetchone()
database.execute("CREATE TABLE IF NOT EXISTS alembic_version (version_num text PRIMARY KEY)")
database.execute("DELETE FROM alembic_version")
database.execute("INSERT INTO alembic_version VALUES (%s)", (os.environ.get("FAKE_HEAD", "bbbb"),))

async def install_tool_and_function_dependencies():
    """The step migrate must not let run."""

@contextlib.asynccontextmanager
async def lifespan(app):
    print("fake: the environment is", dict(os.environ))
    if "FAKE_CREATES" in os.environ:
        open(os.environ["FAKE_CREATES"], "w").close()
    while os.path.exists(os.environ.get("FAKE_WAITS_FOR_THE_END_OF", "")):
        await asyncio.sleep(0.05)
    if "FAKE_ERROR" in os.environ:
        raise RuntimeError(os.environ["FAKE_ERROR"])
    database.execute("UPDATE fake SET ended = clock_timestamp() WHERE id = %s", (number,))
    await install_tool_and_function_dependencies()
    database.execute("UPDATE fake SET served = true")
    yield

app = types.SimpleNamespace(router=types.SimpleNamespace(lifespan_context=lifespan))
'''

FAKE_FILES = {
    "package.json": '{"version": "1.0.0"}',
    # The real package has a function of that name, too.
    "backend/open_webui/__init__.py": "def main(): raise NotImplementedError",
    "backend/open_webui/main.py": FAKE_MAIN,
    "backend/open_webui/models/__init__.py": "",
    "backend/open_webui/models/users.py": """
        import os
        class Users:
            @staticmethod
            async def has_users(): return "FAKE_NO_USERS" not in os.environ
        """,
    "backend/open_webui/retrieval/__init__.py": "",
    "backend/open_webui/retrieval/vector/__init__.py": "",
    "backend/open_webui/retrieval/vector/factory.py": """
        from open_webui.main import database
        def get_vector_db_client(): database.execute("CREATE TABLE IF NOT EXISTS document_chunk (vector vector(1536))")
        """,
    "backend/open_webui/migrations/versions/aaaa_init.py": "revision: str = 'aaaa'\ndown_revision: str | None = None",
    "backend/open_webui/migrations/versions/bbbb_more.py": "revision = 'bbbb'\ndown_revision = 'aaaa'",
}


@dataclass
class FakeOpenWebUI:
    """An image with the fake, and the database that it is for."""

    directory: Path
    database: Database
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name, text in FAKE_FILES.items():
            (self.directory / name).parent.mkdir(parents=True, exist_ok=True)
            (self.directory / name).write_text(textwrap.dedent(text))

    @property
    def url(self) -> str:
        user, name = self.database.environment["POSTGRES_USER"], self.database.environment["POSTGRES_DB"]
        return f"postgresql://{user}:{quote(PASSWORD, safe='')}@127.0.0.1:{self.database.port}/{name}"

    def start(self, script: str = "migrate", **environment: str) -> "subprocess.Popen[str]":
        """Start a script as the pod does."""
        process = subprocess.Popen(
            [sys.executable, "-m", f"startup.{script}"],
            cwd=self.directory / "backend",
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(SCRIPTS),
                "PYTHONDONTWRITEBYTECODE": "1",
                **WAITS,
                "DATABASE_URL": self.url,
                "ENABLE_DB_MIGRATIONS": "true",
                "WEBUI_ADMIN_EMAIL": "admin@example.com",
                "WEBUI_ADMIN_PASSWORD": ADMIN_PASSWORD,
                "VECTOR_DB": "pgvector",
                "PGVECTOR_CREATE_EXTENSION": "false",
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def run(self, script: str = "migrate", **environment: str) -> tuple[int, str]:
        """Run a script to its end; returns its exit status and what it printed."""
        return ended(self.start(script, **environment))

    def hold(self) -> dict[str, str]:
        """Environment with which the fake's start lasts until `let_go`."""
        self.gate_reached.unlink(missing_ok=True)
        self.gate.touch()
        return {"FAKE_WAITS_FOR_THE_END_OF": str(self.gate), "FAKE_CREATES": str(self.gate_reached)}

    def let_go(self) -> None:
        self.gate.unlink()

    def is_held(self) -> bool:
        """Whether a start has reached the point where it waits for `let_go`: it prints nothing more until then."""
        return self.gate_reached.exists()

    @property
    def gate_reached(self) -> Path:
        return self.directory / "gate-reached"

    @property
    def gate(self) -> Path:
        return self.directory / "gate"

    def end(self) -> None:
        """Kill the scripts that still run, with their children."""
        for process in self.started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if process.stdout:
                process.stdout.close()

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with closing(self.database.connect(password=PASSWORD, autocommit=True)) as connection:
            return connection.execute(statement.encode()).fetchall()

    def tables(self) -> list[str]:
        rows = self.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        return [name for (name,) in rows]

    def starts(self) -> int:
        """How often the fake has been imported."""
        return len(self.query("SELECT id FROM fake")) if "fake" in self.tables() else 0

    def lock_holders(self) -> list[tuple[Any, ...]]:
        return self.query("SELECT pid FROM pg_locks WHERE locktype = 'advisory'")


def ended(process: "subprocess.Popen[str]", seconds: float = 60) -> tuple[int, str]:
    """Exit status of a process and what it printed, without waiting for longer than that."""
    output, _ = process.communicate(timeout=seconds)
    return process.returncode, output


def first_line(process: "subprocess.Popen[str]") -> str:
    """The line a process prints first."""
    assert process.stdout is not None
    return process.stdout.readline()


def last_line(output: str) -> str:
    """The line that a process printed last."""
    return output.rstrip().splitlines()[-1]
