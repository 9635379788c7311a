"""What the exporter of the server shows of the base backups.

It may read no file of this container, and its own role is where it may read: the end of the certificate is recorded in
the same way.
"""

import time
from collections.abc import Callable
from contextlib import closing

from .config import Config
from .programs import RECORD, Program

_WAIT_SECONDS = 60
"""After a failure: the server has not started yet, or does not answer."""

BEGUN = "base_backup_begun"
"""When the newest base backup of the bucket began; 0: there is none."""

FAILING_SINCE = "base_backup_failing_since"
"""Since when they fail; 0: they do not."""


class Recorder:
    """Keeps the record as new as what is known, with one program at a time."""

    def __init__(self, config: Config, say: Callable[[str], None]) -> None:
        """Record in the server of the config."""
        self._config = config
        self._say = say
        self._known: dict[str, int] = {}
        self._recorded: dict[str, int] = {}
        self._sent: dict[str, int] = {}
        self._program: Program | None = None
        self._next = 0.0

    def know(self, name: str, seconds: int) -> None:
        """Take notice of a time, in seconds since 1970."""
        self._known[name] = seconds

    def step(self) -> None:
        """Start a program when something new is known, and look at the one that runs."""
        if self._program is None:
            new = dict(self._known.items() - self._recorded.items())
            if new and time.monotonic() >= self._next:
                self._sent = new
                self._program = Program(self._config, RECORD, [f"{name}={value}" for name, value in new.items()])
        elif self._program.status is not None:
            program, self._program = self._program, None
            reason = program.reason()
            if program.status == 0:
                self._recorded |= self._sent
            else:
                self._next = time.monotonic() + _WAIT_SECONDS
                self._say(f"the times of base backups could not be recorded for the exporter: {reason}")

    def stop(self) -> None:
        """End the program that runs."""
        if self._program:
            self._program.stop()


def main(arguments: list[str]) -> None:
    """Record times: ``base_backup_begun=1764460800``."""
    import psycopg2

    config = Config.read()
    options = "-c statement_timeout=5s"
    connection = psycopg2.connect(
        host=config.socket, user="postgres", dbname="postgres", connect_timeout=5, options=options
    )
    with closing(connection), connection, connection.cursor() as cursor:
        for argument in arguments:
            name, value = argument.split("=")
            cursor.execute(f"ALTER ROLE exporter SET open_webui_stack.{name} = %s", (value,))
