"""Requests without end while something happens to the servers, and what came of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.support.repeated import repeated


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

    def work() -> None:
        try:
            request(outcome.answered)
            outcome.answered += 1
        except Exception as error:
            outcome.errors.append(error)

    with repeated(work, pause=pause):
        yield outcome
