"""Requests without end while something happens to the servers, and what came of them."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Outcome:
    """How the requests ended."""

    answered: int = 0
    errors: list[Exception] = field(default_factory=list)


@contextmanager
def steady(request: Callable[[int], object], *, pause: float) -> Iterator[Outcome]:
    """Requests one after the other while the block runs.

    Args:
        request: makes one; gets the number of those answered before it.
        pause: seconds between two.
    """
    outcome = Outcome()
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(pause):
            try:
                request(outcome.answered)
                outcome.answered += 1
            except Exception as error:
                outcome.errors.append(error)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        yield outcome
    finally:
        stop.set()
        worker.join()
