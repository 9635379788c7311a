"""The programs of Barman Cloud, each run in a process of its own.

A program is forked from this process, which has imported it already: to start Python and its S3 client takes most of a
second, and a recovery runs a program for each WAL file.
"""

import importlib
import multiprocessing
import os
import sys
import tempfile
import traceback
from pathlib import Path

from .config import Config

_MODULES = {
    "wal-archive": "cloud_walarchive",
    "wal-restore": "cloud_walrestore",
    "backup": "cloud_backup",
    "backup-delete": "cloud_backup_delete",
    "backup-list": "cloud_backup_list",
    "restore": "cloud_restore",
}
"""Modules of the console scripts ``barman-cloud-…``; their entry point is ``main``."""

_FORK = multiprocessing.get_context("fork")
_LONGEST_OUTPUT = 4000

GAP = "gap"
"""A program of this package (gap.py): whether the log after the newest base backup has a gap."""

RECORD = "record"
"""Another one (record.py): writes what the exporter shows."""

FOUND = 3
"""Exit status of `GAP` when there is one."""

NOT_FOUND = 1
"""Exit status of wal-restore when the bucket does not have the file."""


def preload() -> None:
    """Import the programs and their S3 client."""
    for module in ("boto3", "botocore.session", *(f"barman.clients.{name}" for name in _MODULES.values())):
        importlib.import_module(module)


class Program:
    """One run of a program."""

    def __init__(self, config: Config, name: str, arguments: list[str]) -> None:
        """Start it.

        Args:
            config: with the bucket.
            name: ``wal-archive``, after ``barman-cloud-``.
            arguments: its command line.
        """
        self._output = tempfile.NamedTemporaryFile(prefix=f"{name}-", delete=False)  # noqa: SIM115
        self._process = _FORK.Process(target=_run, args=(config, name, arguments, self._output.fileno()))
        self._process.start()

    @property
    def status(self) -> int | None:
        """Exit status; None while it runs."""
        return self._process.exitcode

    def wait(self) -> int:
        """Wait for its end, and return the exit status."""
        self._process.join()
        return self._process.exitcode or 0

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.join()

    def output(self) -> str:
        """What it has printed, to be read once, after its end."""
        path = Path(self._output.name)
        text = path.read_text(errors="replace")
        self._output.close()
        path.unlink()
        return text

    def reason(self) -> str:
        """The end of its output: why it failed. To be read once."""
        return self.output().strip()[-_LONGEST_OUTPUT:]


def _run(config: Config, name: str, arguments: list[str], output: int) -> None:
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.argv = [f"barman-cloud-{name}", *arguments]
    try:
        os.environ.update(config.client_environment())
        module = f"{__package__}.{name}" if name in (GAP, RECORD) else f"barman.clients.{_MODULES[name]}"
        importlib.import_module(module).main(arguments)
    except Exception:
        # Where the program itself does not catch it. multiprocessing would print it to the container's log.
        traceback.print_exc()
        sys.exit(4)
