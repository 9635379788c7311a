"""One at a time on this machine: builds of a program, starts of clusters, commands on an environment."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from terminal.console import notices

from .directories import locks_directory


@contextmanager
def exclusive(name: str, doing: str) -> Iterator[None]:
    """Wait until nobody else holds the lock ``name``, and hold it. The system frees it when a holder dies.

    Args:
        name: of the lock, as a file name.
        doing: what the other one does, for the notice that there is a wait: ``builds etcd``.
    """
    with (locks_directory() / name).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            notices.print(f"waiting for another command, which {doing}", markup=False)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
