"""The sidecar `load-roles` beside a running server."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tests.support.servers.postgresql_database import Database
from tests.support.servers.server_process import running, wait_until


def watching(database: Database, log: Path, stop_signal: int) -> AbstractContextManager["subprocess.Popen[bytes]"]:
    """The sidecar at work."""
    environment = {
        **database.variables(),
        "PGHOST": str(database.directory / "run"),
        "PGPORT": str(database.port),
        "PGUSER": "postgres",
        "PAUSE_SECONDS": "0.1",
    }
    return running(
        ["sh", str(database.directory / "conf" / "roles.sh"), "watch"],
        directory=database.directory,
        log=log,
        stop_signal=stop_signal,
        environment=environment,
    )


@contextmanager
def loading(database: Database) -> Iterator[Path]:
    """The sidecar, from the moment when the files of now are loaded; the block has the path of its output."""
    log = database.directory / "load-roles.log"
    log.write_text("")
    with watching(database, log, signal.SIGTERM) as process:
        wait_until(lambda: loads(log) == 1, "the first load", 20)
        yield log
    assert process.returncode == 0


def loads(log: Path) -> int:
    return log.read_text().count("Every role has the password of the Secret.")
