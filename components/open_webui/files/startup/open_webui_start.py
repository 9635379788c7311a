"""Open WebUI's own start, up to the point where everything that must exist once has been written."""

import asyncio
import gc
import importlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

from .compile_ahead import compiling_beside
from .database import SERVER_SIDE_LIMITS, Connection
from .faster_import import prepare_import
from .gate import Gate, wait_at_gate
from .output import RefusedError, forward
from .script import run

BOUNDARY = "install_tool_and_function_dependencies"
"""The first step of Open WebUI's start that is not run. The steps before it write what must exist once. The steps
after it are for a serving replica: Redis, models, and scheduled tasks, which this process would take and not run."""

# The child serves no requests, so it needs no Redis, license check or telemetry.
UNUSED = ("REDIS_URL", "REDIS_SENTINEL_HOSTS", "WEBSOCKET_MANAGER", "WEBSOCKET_REDIS_URL", "LICENSE_KEY")
CHILD_ENVIRONMENT = {**dict.fromkeys(UNUSED, ""), "ENABLE_OTEL": "false", "ENABLE_DB_MIGRATIONS": "true"}

HANDOVER_ENVIRONMENT = {"PGOPTIONS": SERVER_SIDE_LIMITS}
"""Only with a handover, which no pooler may be in front of."""


class BoundaryReachedError(Exception):
    """Open WebUI's start has reached `BOUNDARY`."""


class ChildEndedError(Exception):
    """The child has ended before the migration."""


Handover = Callable[[Callable[[], None]], None]
"""Makes the servers of another release stop. It calls its argument again and again, which raises an exception if there
is nothing to wait for any more."""


def run_start(
    connection: Connection, *, vector_tables: bool, patience: float, handover: Handover | None = None
) -> None:
    """Run Open WebUI's own start in a child process. The child inherits the socket of the connection, so the lock
    lasts until both processes have ended, even if this one is killed.

    Args:
        connection: holds the lock.
        vector_tables: whether to create the tables of vectors.
        patience: longest start in seconds; with a handover longest import, and longest start after it.
        handover: called when the child has imported Open WebUI, before it migrates the schema; None: the child does
            not wait.

    Raises `RefusedError` if it failed or took longer than ``patience`` seconds, and `psycopg.Error` if the connection
    and with it the lock was lost. The child has ended then, too.
    """
    gate = Gate() if handover else None
    descriptors = gate.child_descriptors if gate else ()
    arguments = [*(["vector-tables"] if vector_tables else []), *map(str, descriptors)]
    migrations = {"ENABLE_DB_MIGRATIONS": str(gate is None).lower()}
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", __name__, *arguments],
        env={**(HANDOVER_ENVIRONMENT if gate else {}), **os.environ, **CHILD_ENVIRONMENT, **migrations},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="backslashreplace",
        pass_fds=[connection.fileno(), *descriptors],
    )
    assert process.stdout is not None
    last_line = [""]
    reader = threading.Thread(target=forward, args=(process.stdout, last_line, "open_webui_start: "), daemon=True)
    reader.start()
    try:
        if gate and handover:
            gate.close_childs()
            pass_gate(process, connection, patience, gate, handover)
        wait_for(process, connection, patience)
    finally:
        for end in (process.terminate, process.kill):
            if process.poll() is None:
                end()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(10)
        reader.join(10)
        if gate:
            gate.close()
    if process.returncode != 0:
        raise RefusedError(f"Open WebUI's start ended with status {process.returncode}: {last_line[0]}")


def pass_gate(
    process: "subprocess.Popen[str]", connection: Connection, patience: float, gate: Gate, handover: Handover
) -> None:
    """Wait until the child has imported Open WebUI, make the servers stop, and let the child migrate. Returns earlier
    if the child ends.
    """
    deadline = time.monotonic() + patience

    def look() -> None:
        if process.poll() is not None:
            raise ChildEndedError

    try:
        while not gate.is_prepared():
            look()
            if time.monotonic() >= deadline:
                raise RefusedError(f"Open WebUI's import took longer than {patience:g} s and has been ended.")
            connection.execute(b"SELECT 1")
            time.sleep(0.1)
        handover(look)
    except ChildEndedError:
        return
    gate.open()


def wait_for(process: "subprocess.Popen[str]", connection: Connection, patience: float) -> None:
    """Return when the process has ended. Queries the connection meanwhile, to detect its loss.

    Raises `RefusedError` after ``patience`` seconds.
    """
    deadline = time.monotonic() + patience
    while process.poll() is None:
        if time.monotonic() >= deadline:
            raise RefusedError(
                f"Open WebUI's start took longer than {patience:g} s and has been ended; PostgreSQL rolls an "
                "unfinished migration back. The setting openWebui.migrationSeconds allows it more."
            )
        connection.execute(b"SELECT 1")
        with suppress(subprocess.TimeoutExpired):
            process.wait(min(5, max(0.01, deadline - time.monotonic())))


@contextmanager
def no_connections() -> Iterator[None]:
    """Let nothing connect to the database: what an import reads before the migration would be wrong after it."""
    sqlalchemy: Any = importlib.import_module("sqlalchemy")
    refused: list[RefusedError] = []

    def refuse(*_arguments: object) -> NoReturn:
        refused.append(
            RefusedError(
                "This release of Open WebUI uses the database when it is imported, so that it cannot be prepared for a "
                "handover. Set openWebui.schemaUpgrade to replace."
            )
        )
        raise refused[-1]

    sqlalchemy.event.listen(sqlalchemy.engine.Engine, "do_connect", refuse)
    try:
        yield
    finally:
        sqlalchemy.event.remove(sqlalchemy.engine.Engine, "do_connect", refuse)
    # Code that goes on with defaults after such an error would keep them after the migration.
    if refused:
        raise refused[0]


def import_ahead(child_writes: int, child_reads: int) -> None:
    """In the child: import Open WebUI, wait at the gate, then migrate the schema as that import would have done."""
    with no_connections(), compiling_beside():
        importlib.import_module("open_webui.main")
    migrate_schema = getattr(importlib.import_module("open_webui.config"), "run_migrations", None)
    if migrate_schema is None:
        raise RefusedError(
            "This release of Open WebUI has no open_webui.config.run_migrations, so that it cannot be prepared for a "
            "handover. Set openWebui.schemaUpgrade to replace."
        )
    wait_at_gate(child_writes, child_reads)
    migrate_schema()


async def start(*, vector_tables: bool) -> None:
    """In the child: Open WebUI's own start, up to `BOUNDARY`. It may be imported already.

    Raises `RefusedError` if the start is not the one that this script knows, or without the first administrator.
    """
    with compiling_beside():
        # Importing it migrates the schema. `from open_webui import main` would be a function of that name.
        open_webui = importlib.import_module("open_webui.main")
    users = importlib.import_module("open_webui.models.users").Users

    async def stop() -> None:
        raise BoundaryReachedError

    if not hasattr(open_webui, BOUNDARY):
        raise RefusedError(f"Open WebUI's start has no step {BOUNDARY} any more: this script has to be adapted.")
    setattr(open_webui, BOUNDARY, stop)
    with suppress(BoundaryReachedError):
        async with open_webui.app.router.lifespan_context(open_webui.app):
            raise RefusedError(f"Open WebUI's start went past {BOUNDARY}: this script has to be adapted.")
    # If this fails, Open WebUI logs the error and continues.
    if os.environ.get("WEBUI_ADMIN_EMAIL") and os.environ.get("WEBUI_ADMIN_PASSWORD") and not await users.has_users():
        raise RefusedError("The first administrator could not be created; the reason is above.")
    if vector_tables:
        factory = importlib.import_module("open_webui.retrieval.vector.factory")
        await asyncio.to_thread(factory.get_vector_db_client)


def main() -> None:
    """The child's part."""
    prepare_import()
    if descriptors := [int(argument) for argument in sys.argv[1:] if argument.isdecimal()]:
        import_ahead(*descriptors)
    asyncio.run(start(vector_tables="vector-tables" in sys.argv[1:]))
    # At its end Python collects garbage among all objects of all modules: 1.8 s of CPU time, while replicas wait.
    gc.freeze()


if __name__ == "__main__":
    sys.exit(run(main))
