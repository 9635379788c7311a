"""Rows that a session of psql in the server's pod inserts, each in a transaction of its own, until the pod is lost."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from stackctl.deployed.kubectl import Kubectl

_PERIOD_SECONDS = 0.05
_CREATE = "CREATE TABLE IF NOT EXISTS e2e_rows (id serial PRIMARY KEY, at timestamptz DEFAULT clock_timestamp());\n"
_INSERT = f"INSERT INTO e2e_rows DEFAULT VALUES RETURNING id, at \\watch {_PERIOD_SECONDS}\n"
_END_SECONDS = 30


class SteadyRows:
    """The acknowledged rows."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        """Read what a session prints."""
        self._process = process
        self._times: list[datetime] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            number, separator, at = line.strip().partition("|")
            if separator and number.isdigit():
                self._times.append(datetime.fromisoformat(at))

    @property
    def count(self) -> int:
        """Acknowledged rows so far."""
        return len(self._times)

    def end(self) -> datetime:
        """Wait for the end of the session; the time of the last row that the server has acknowledged."""
        self._reader.join(_END_SECONDS)
        assert not self._reader.is_alive(), "the session goes on: the server was not lost"
        return self._times[-1]


@contextmanager
def steady_rows(kubectl: Kubectl) -> Iterator[SteadyRows]:
    """Insert rows, about twenty a second, until the server is lost or the block ends."""
    words = ("psql", "-U", "ragsystemuser", "-d", "ragsystemdb", "-qtA", "--no-psqlrc")
    command = kubectl.command("exec", "-i", "postgres-0", "-c", "postgres", "--", "env", "PGTZ=UTC", *words)
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdin
        process.stdin.write(_CREATE + _INSERT)
        process.stdin.flush()
        try:
            yield SteadyRows(process)
        finally:
            process.kill()
