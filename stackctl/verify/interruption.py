"""A first Ctrl-C ends the checks and lets them take away what they have made; a second one ends at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from host.signals import handled
from terminal.console import notices

EXIT_CODE = 130


@contextmanager
def clean_stop() -> Iterator[None]:
    """Within the body every signal to stop raises KeyboardInterrupt; the first one says what happens."""
    seen = 0

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal seen
        seen += 1
        if seen == 1:
            notices.print("stopping: what was made in the cluster is taken away (Ctrl-C again: at once)")
        raise KeyboardInterrupt

    with handled(stop):
        yield
