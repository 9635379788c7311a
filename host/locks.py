"""Locks between commands on this machine: builds of a program, starts of a cluster, commands on an environment."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from terminal.console import notices

from .directories import locks_directory


@contextmanager
def exclusive(name: str, doing: str) -> Iterator[None]:
    """Hold the lock ``name``, after waiting for another holder. The operating system frees it when the holder ends.

    Args:
        name: of the lock, as a file name.
        doing: work of the holder, for the notice to a waiting command: ``builds etcd``.
    """
    with (locks_directory() / name).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            notices.print(f"waiting for another command, which {doing}", markup=False)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
