"""Something done again and again beside a test, for as long as a block runs."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def repeated(work: Callable[[], None], *, pause: float) -> Iterator[None]:
    """Do it in a thread of its own while the block runs.

    Args:
        work: what is done; an error ends it.
        pause: seconds before each time.
    """
    stop = threading.Event()

    def loop() -> None:
        while not stop.wait(pause):
            work()

    worker = threading.Thread(target=loop)
    worker.start()
    try:
        yield
    finally:
        stop.set()
        worker.join()
