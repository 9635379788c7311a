"""Compile the modules of Open WebUI while another replica migrates, one waiting replica at a time.

The replica that migrates needs one core, and the pods of a node share its cores equally: if all that wait compiled, the
migration would take longer (docs/decisions/0055-start-of-a-pod.md).
"""

import os
from collections.abc import Generator
from contextlib import suppress

import psycopg

from .compile_ahead import compiling_ahead
from .database import Connection, one

TURN_KEY = int.from_bytes(b"owcompil", "big")
"""Key of the advisory lock of the replica that compiles."""


def compiling_in_turn(connection: Connection) -> Generator[None, None, None]:
    """Compile, if the machine has a core for it. Each step looks whether the turn has come, or is over.

    Closing it ends the process that compiles, and the turn.
    """
    if (os.cpu_count() or 1) == 1:
        return
    while not one(connection, b"SELECT pg_try_advisory_lock(%s)", TURN_KEY):
        yield
    try:
        with compiling_ahead() as runs:
            while runs():
                yield
    finally:
        # A session that was lost has no turn any more.
        with suppress(psycopg.Error):
            one(connection, b"SELECT pg_advisory_unlock(%s)", TURN_KEY)
