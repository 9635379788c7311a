"""Bring the database to the state from which any number of Open WebUI replicas can start at the same time.

Open WebUI migrates its schema, inserts its configuration, creates the first administrator and the tables of pgvector
without a lock: replicas that start together on an empty or older database end each other. This script runs before each
replica, in the replica's own image, and lets one at a time through. It does not repeat what Open WebUI does: a child
process imports Open WebUI and runs its start up to the point where all of that is done (`BOUNDARY`), while this process
holds an advisory lock of PostgreSQL. Then it is written down in the database (`RECORD`), and whoever finds their own
version there has nothing to do.

Environment: that of the replica, and how many seconds the database may be out of reach (MIGRATE_DATABASE_WAIT_SECONDS,
300), Open WebUI's part may take (MIGRATE_RUN_SECONDS, 1800), another may be at it (MIGRATE_LOCK_WAIT_SECONDS, 60 more).

Exit status: 0, the replica can start; 1, it must not, and the last line says why; 143, told to stop.
PostgreSQL only, and not through a pooler that shares connections between transactions: the lock belongs to a session.
"""

import ast
import asyncio
import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote

import psycopg
from psycopg import conninfo, sql

Connection = psycopg.Connection[tuple[Any, ...]]

BOUNDARY = "install_tool_and_function_dependencies"
"""Step of Open WebUI's start that is not run any more. All before it writes what must exist once; from it on all is
for a replica that serves: Redis, models, and scheduled tasks, which would be claimed here and then not run."""

RECORD = "open_webui_stack_release"
"""Table with one row: what has been completed. It is beside Open WebUI's tables, so that a backup has both."""

LOCK_KEY = int.from_bytes(b"openwebu", "big")
"""Key of the advisory lock. Such a lock is per database."""

STEPS = 1
"""To be raised when this script learns to do more: databases recorded as complete are then not."""

START_SETTINGS = re.compile(
    r"ENABLE_(OAUTH_)?PERSISTENT_CONFIG|USE_SLIM_DOCKER|VECTOR_DB|WEBUI_ADMIN_EMAIL"
    r"|PGVECTOR_(CREATE_EXTENSION|INDEX_METHOD|INITIALIZE_MAX_VECTOR_LENGTH|PGCRYPTO|USE_HALFVEC)"
)
"""Variables that decide what a start creates. After a change of one of them there is something to do again."""

# The child serves nobody: it needs no Redis, asks for no licence and reports to no collector.
UNUSED = ("REDIS_URL", "REDIS_SENTINEL_HOSTS", "WEBSOCKET_MANAGER", "WEBSOCKET_REDIS_URL", "LICENSE_KEY")
CHILD_ENVIRONMENT = {**dict.fromkeys(UNUSED, ""), "ENABLE_OTEL": "false", "ENABLE_DB_MIGRATIONS": "true"}

_SECRET_NAME = re.compile(r"(^|_)(KEY|KEYS|PASSWORD|PASSWD|SECRET|TOKEN|CREDENTIALS?)$", re.IGNORECASE)
_SECRET_IN_URL = re.compile(r"://[^:/?#\s@]*:(?=(.+?)@)(.+)@|[?&]password=([^&\s]+)")


class MigrationError(Exception):
    """The replica must not start; the message says why, to a person."""


class BoundaryReachedError(Exception):
    """Open WebUI's start has come to `BOUNDARY`."""


@dataclass(frozen=True)
class Release:
    """An Open WebUI: its version, its Alembic revisions, and those of them that nothing follows."""

    version: str
    revisions: frozenset[str]
    heads: frozenset[str]


def secrets(environment: Mapping[str, str]) -> list[str]:
    """Texts that must not be printed: values of secret variables and passwords in URLs, the longest first."""
    found = {value for name, value in environment.items() if _SECRET_NAME.search(name)}
    found.update(text for value in environment.values() for texts in _SECRET_IN_URL.findall(value) for text in texts)
    found |= {unquote(text) for text in found}
    return sorted((text for text in found if len(text) > 3), key=len, reverse=True)


_secrets = secrets(os.environ)


def redact(text: str) -> str:
    """The text without secrets."""
    for secret in _secrets:
        text = text.replace(secret, "[redacted]")
    return text


def log(message: str) -> None:
    """Print a line without secrets."""
    print(redact(f"migrate: {message}"), flush=True)


def seconds(name: str, default: float) -> float:
    """A duration from the environment."""
    text = os.environ.get(name) or str(default)
    if not re.fullmatch(r"\d+(\.\d+)?", text):
        raise MigrationError(f"{name} is {text!r}; it has to be a number of seconds, as in 300.")
    return float(text)


def read_release() -> Release:
    """The image's Open WebUI, without importing it, which takes many seconds."""
    spec = importlib.util.find_spec("open_webui")
    if spec is None or not spec.submodule_search_locations:
        raise MigrationError(f"There is no Open WebUI in {os.getcwd()}. Run this in its image, in /app/backend.")
    package = Path(next(iter(spec.submodule_search_locations)))
    # Where Open WebUI itself reads its version in the image.
    version = str(json.loads((package.parent.parent / "package.json").read_text(encoding="utf-8"))["version"])
    directory = package / "migrations" / "versions"
    parents = dict(read_revision(file) for file in sorted(directory.glob("*.py")))
    if not parents:
        raise MigrationError(f"Open WebUI {version} has no migrations in {directory}: this script has to be adapted.")
    followed = {parent for several in parents.values() for parent in several}
    return Release(version, frozenset(parents), frozenset(parents) - followed)


def read_revision(file: Path) -> tuple[str, tuple[str, ...]]:
    """Revision of a migration and those it follows. Importing the migration would import half of Open WebUI."""
    values: dict[str, Any] = {}
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            if isinstance(target, ast.Name) and target.id in ("revision", "down_revision"):
                values[target.id] = ast.literal_eval(node.value)
    followed = values["down_revision"] or ()
    return values["revision"], (followed,) if isinstance(followed, str) else tuple(followed)


def connection_parameters() -> dict[str, Any]:
    """Parameters of libpq from ``DATABASE_URL``, which may name a driver of SQLAlchemy.

    Raises `MigrationError` if it is no URL of a PostgreSQL, with nothing of it, as it has the password.
    """
    url = re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", os.environ.get("DATABASE_URL", ""))
    try:
        if url.startswith("postgresql://"):
            return conninfo.conninfo_to_dict(url)
    except psycopg.Error:
        pass
    raise MigrationError(
        "DATABASE_URL names no PostgreSQL database or cannot be read. It has to be "
        "postgresql://USER:PASSWORD@HOST:PORT/DATABASE with a percent-encoded password."
    )


def connect(patience: float) -> Connection:
    """A connection to the database, which may take ``patience`` seconds to come up."""
    parameters = connection_parameters()
    where = "{host}:{port}/{dbname}".format(**{"host": "", "port": 5432, "dbname": "", **parameters})
    # A connection that leads nowhere is noticed within half a minute: here, and by the server in prepare_session.
    alive = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 4, "tcp_user_timeout": 30_000}
    session = {"autocommit": True, "application_name": f"migrate {socket.gethostname()}"[:63], "connect_timeout": 5}
    deadline, said = time.monotonic() + patience, ""
    while True:
        try:
            return psycopg.connect(**{**parameters, **alive, **session})
        except psycopg.OperationalError as error:
            reason = " ".join(str(error).split())
        if time.monotonic() >= deadline:
            raise MigrationError(f"The database {where} could not be reached within {patience:g} s: {reason}")
        if reason != said:
            log(f"Waiting up to {patience:g} s for the database {where}: {reason}")
            said = reason
        time.sleep(min(2, max(0.01, deadline - time.monotonic())))


def prepare_session(connection: Connection) -> None:
    """Let the server notice a client whose machine is gone, or the lock would outlive it for hours."""
    for name, value in (("idle", 10), ("interval", 5), ("count", 4)):
        connection.execute(f"SET tcp_keepalives_{name} = {value}".encode())
    connection.execute(b"SET statement_timeout = 0")
    if schema := os.environ.get("DATABASE_SCHEMA"):
        connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(schema)))


def take_lock(connection: Connection, patience: float) -> None:
    """Take the lock, which lasts as long as this session.

    It asks again and again: a session that waits inside the server has a snapshot, for which a ``CREATE INDEX
    CONCURRENTLY`` of the lock's holder would wait.

    Raises `MigrationError` if another session held it for ``patience`` seconds.
    """
    started, next_line, pause = time.monotonic(), 0.0, 0.1
    while not one(connection, b"SELECT pg_try_advisory_lock(%s)", LOCK_KEY):
        waited = time.monotonic() - started
        if waited >= patience:
            raise MigrationError(
                f"Gave up after {patience:g} s: {holder(connection)} still holds the lock. Read the log of its "
                "container migrate; to end its session: SELECT pg_terminate_backend(PID)"
            )
        if waited >= next_line:
            log(f"Waiting up to {patience:g} s: {holder(connection)} is at work on the database.")
            next_line = waited + 30
        time.sleep(min(pause, max(0.01, patience - waited)))
        pause = min(pause * 1.5, 2)


def holder(connection: Connection) -> str:
    """Who holds the lock."""
    row = connection.execute(
        b"SELECT application_name, coalesce(host(client_addr), 'a local socket'), pid, backend_start::timestamptz(0)"
        b" FROM pg_locks JOIN pg_stat_activity USING (pid)"
        b" WHERE locktype = 'advisory' AND granted AND classid = %s AND objid = %s AND objsubid = 1"
        b" AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        (LOCK_KEY >> 32, LOCK_KEY & 0xFFFF_FFFF),
    ).fetchone()
    return "{!r} (from {}, PID {}, connected since {})".format(*row) if row else "another session"


def one(connection: Connection, statement: bytes, *parameters: object) -> Any:
    """First column of the first row; None without a row."""
    row = connection.execute(statement, parameters).fetchone()
    return row[0] if row else None


def database_revisions(connection: Connection) -> frozenset[str]:
    """Alembic revisions the database is at; none if Open WebUI has never been here."""
    if one(connection, b"SELECT to_regclass('alembic_version')") is None:
        return frozenset()
    return frozenset(row[0] for row in connection.execute(b"SELECT version_num FROM alembic_version"))


def recorded_state(connection: Connection) -> str | None:
    """What has been completed, as `wanted_state` writes it; None if nothing has."""
    if one(connection, b"SELECT to_regclass(%s)", RECORD) is None:
        return None
    return str(one(connection, f"SELECT state FROM {RECORD}".encode()))


def record_state(connection: Connection, state: str) -> None:
    """Write down what has been completed."""
    with connection.transaction():
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS {RECORD} (only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),"
            " state text NOT NULL, completed_at timestamptz NOT NULL DEFAULT now())".encode()
        )
        upsert = " ON CONFLICT (only_row) DO UPDATE SET state = excluded.state, completed_at = excluded.completed_at"
        connection.execute(f"INSERT INTO {RECORD} (state) VALUES (%s){upsert}".encode(), (state,))


def wanted_state(release: Release, *, vector_tables: bool) -> str:
    """All that decides what there is to do, as JSON."""
    settings = {name: os.environ[name] for name in sorted(os.environ) if START_SETTINGS.fullmatch(name)}
    return json.dumps({"version": release.version, "steps": STEPS, "vector_tables": vector_tables, **settings})


def can_have_vector_tables(connection: Connection) -> bool:
    """Whether pgvector is in use and there, or is Open WebUI's to create, or is in a database of its own."""
    if os.environ.get("VECTOR_DB") != "pgvector":
        return False
    if os.environ.get("PGVECTOR_CREATE_EXTENSION", "true").lower() == "true" or "PGVECTOR_DB_URL" in os.environ:
        return True
    return bool(one(connection, b"SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'vector')"))


def run_start(connection: Connection, *, vector_tables: bool, patience: float) -> None:
    """Let Open WebUI do its part in a child process.

    The child has the connection's socket open too: the lock lasts until both are gone, even if this one is killed.

    Raises `MigrationError` if it failed or took longer than ``patience`` seconds, and `psycopg.Error` if the connection
    and with it the lock was lost. The child has ended then, too.
    """
    process = subprocess.Popen(
        [sys.executable, "-u", __file__, "start", *(["vector-tables"] if vector_tables else [])],
        env={**os.environ, **CHILD_ENVIRONMENT},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="backslashreplace",
        pass_fds=[connection.fileno()],
    )
    last_line = [""]
    reader = threading.Thread(target=forward, args=(process.stdout, last_line), daemon=True)
    reader.start()
    deadline = time.monotonic() + patience
    try:
        while process.poll() is None:
            if time.monotonic() >= deadline:
                raise MigrationError(
                    f"Open WebUI's start took longer than {patience:g} s and has been ended; PostgreSQL rolls an "
                    "unfinished migration back. MIGRATE_RUN_SECONDS allows it more."
                )
            connection.execute(b"SELECT 1")
            with suppress(subprocess.TimeoutExpired):
                process.wait(min(5, max(0.01, deadline - time.monotonic())))
    finally:
        for end in (process.terminate, process.kill):
            if process.poll() is None:
                end()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(10)
        reader.join(10)
    if process.returncode != 0:
        raise MigrationError(f"Open WebUI's start ended with status {process.returncode}: {last_line[0]}")


def forward(lines: IO[str], last_line: list[str]) -> None:
    """Print a child's lines without secrets and remember the last one that is not empty."""
    for line in lines:
        print(redact(line), end="", flush=True)
        last_line[0] = line.strip().removeprefix("migrate: ") or last_line[0]


def migrate() -> None:
    """Bring the database to what the image needs, unless it is there."""
    release = read_release()
    patience = seconds("MIGRATE_RUN_SECONDS", 1800)
    with connect(seconds("MIGRATE_DATABASE_WAIT_SECONDS", 300)) as connection:
        prepare_session(connection)
        take_lock(connection, seconds("MIGRATE_LOCK_WAIT_SECONDS", patience + 60))
        found = database_revisions(connection)
        if unknown := sorted(found - release.revisions):
            raise MigrationError(
                f"The database is at revision {', '.join(unknown)}, which Open WebUI {release.version} does not know: "
                "a newer version has been here. Nothing has been changed. Deploy that version or a newer one, or "
                "restore a backup from before the upgrade."
            )
        vector_tables = can_have_vector_tables(connection)
        wanted = wanted_state(release, vector_tables=vector_tables)
        if found == release.heads and recorded_state(connection) == wanted:
            log(f"Nothing to do: the database is ready for Open WebUI {release.version}.")
            return
        log(f"Open WebUI {release.version} takes over a database at revision {', '.join(sorted(found)) or 'none'}.")
        if not vector_tables:
            log("No tables for documents: VECTOR_DB is not pgvector, or the database lacks the extension vector.")
        started = time.monotonic()
        run_start(connection, vector_tables=vector_tables, patience=patience)
        if (reached := database_revisions(connection)) != release.heads:
            raise MigrationError(f"The database is at {sorted(reached)} after that, not at {sorted(release.heads)}.")
        record_state(connection, wanted)
        log(f"Ready for Open WebUI {release.version} after {time.monotonic() - started:.0f} s.")


async def start(*, vector_tables: bool) -> None:
    """In the child: Open WebUI's own start, up to `BOUNDARY`."""
    # Importing it migrates the schema. `from open_webui import main` would be a function of that name.
    open_webui = importlib.import_module("open_webui.main")
    users = importlib.import_module("open_webui.models.users").Users

    async def stop() -> None:
        raise BoundaryReachedError

    if not hasattr(open_webui, BOUNDARY):
        raise MigrationError(f"Open WebUI's start has no step {BOUNDARY} any more: this script has to be adapted.")
    setattr(open_webui, BOUNDARY, stop)
    with suppress(BoundaryReachedError):
        async with open_webui.app.router.lifespan_context(open_webui.app):
            raise MigrationError(f"Open WebUI's start went past {BOUNDARY}: this script has to be adapted.")
    # When that fails, Open WebUI logs it and goes on.
    if os.environ.get("WEBUI_ADMIN_EMAIL") and os.environ.get("WEBUI_ADMIN_PASSWORD") and not await users.has_users():
        raise MigrationError("The first administrator could not be created; the reason is above.")
    if vector_tables:
        factory = importlib.import_module("open_webui.retrieval.vector.factory")
        await asyncio.to_thread(factory.get_vector_db_client)


def main(arguments: list[str]) -> int:
    """Run what the arguments ask for; returns the exit status."""
    # The first process of a container gets no signal it does not ask for.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # Open WebUI is in the image's working directory, not installed as a package.
    sys.path.insert(0, os.getcwd())
    try:
        if arguments:
            asyncio.run(start(vector_tables="vector-tables" in arguments))
        else:
            migrate()
    except MigrationError as error:
        log(str(error))
    except psycopg.Error as error:
        log(f"The database refused or was lost: {' '.join(str(error).split()) or type(error).__name__}")
    except Exception as error:
        log(traceback.format_exc())
        log(f"{type(error).__name__}: {' '.join(str(error).split())}")
    else:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
