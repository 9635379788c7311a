"""Open WebUI's own start, up to the point where everything that must exist once has been written."""

import asyncio
import gc
import importlib
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress

from .database import Connection
from .faster_import import prepare_import
from .output import RefusedError, forward
from .script import run

BOUNDARY = "install_tool_and_function_dependencies"
"""The first step of Open WebUI's start that is not run. The steps before it write what must exist once. The steps
after it are for a serving replica: Redis, models, and scheduled tasks, which this process would take and not run."""

# The child serves no requests, so it needs no Redis, license check or telemetry.
UNUSED = ("REDIS_URL", "REDIS_SENTINEL_HOSTS", "WEBSOCKET_MANAGER", "WEBSOCKET_REDIS_URL", "LICENSE_KEY")
CHILD_ENVIRONMENT = {**dict.fromkeys(UNUSED, ""), "ENABLE_OTEL": "false", "ENABLE_DB_MIGRATIONS": "true"}


class BoundaryReachedError(Exception):
    """Open WebUI's start has reached `BOUNDARY`."""


def run_start(connection: Connection, *, vector_tables: bool, patience: float) -> None:
    """Run Open WebUI's own start in a child process. The child inherits the socket of the connection, so the lock
    lasts until both processes have ended, even if this one is killed.

    Raises `RefusedError` if it failed or took longer than ``patience`` seconds, and `psycopg.Error` if the connection
    and with it the lock was lost. The child has ended then, too.
    """
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", __name__, *(["vector-tables"] if vector_tables else [])],
        env={**os.environ, **CHILD_ENVIRONMENT},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="backslashreplace",
        pass_fds=[connection.fileno()],
    )
    assert process.stdout is not None
    last_line = [""]
    reader = threading.Thread(target=forward, args=(process.stdout, last_line, "open_webui_start: "), daemon=True)
    reader.start()
    try:
        wait_for(process, connection, patience)
    finally:
        for end in (process.terminate, process.kill):
            if process.poll() is None:
                end()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(10)
        reader.join(10)
    if process.returncode != 0:
        raise RefusedError(f"Open WebUI's start ended with status {process.returncode}: {last_line[0]}")


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


async def start(*, vector_tables: bool) -> None:
    """In the child: Open WebUI's own start, up to `BOUNDARY`.

    Raises `RefusedError` if the start is not the one that this script knows, or without the first administrator.
    """
    prepare_import()
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
    asyncio.run(start(vector_tables="vector-tables" in sys.argv[1:]))
    # At its end Python collects garbage among all objects of all modules: 1.8 s of CPU time, while replicas wait.
    gc.freeze()


if __name__ == "__main__":
    sys.exit(run(main))
