"""Waiting with a deadline for what sends no event: look, pause, look again."""

from collections.abc import Iterator
from time import monotonic, sleep


def attempts(*, seconds: float, every: float) -> Iterator[None]:
    """Repeat the body of a `for` loop until a deadline.

    The body looks, and leaves the loop when the condition holds. It runs at once, after each pause, and a last time at
    the deadline. What follows the loop handles the deadline::

        for _ in attempts(seconds=60, every=0.5):
            if is_ready():
                return
        raise LocalError("not ready after 60 s")

    Args:
        seconds: from the first attempt to the last; 0 for a single one. Time that the body takes counts.
        every: length of a pause in seconds.
    """
    deadline = monotonic() + seconds
    yield
    while (remaining := deadline - monotonic()) > 0:
        sleep(min(every, remaining))
        yield
