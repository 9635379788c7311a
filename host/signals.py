"""What a signal to stop does.

A command that is stopped ends what it has started. While the engine runs, a first Ctrl-C lets it end what it is at and
write its state; a second one ends it at once.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from terminal.console import notices

from .processes import children, program_name

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interruption:
    """Whether the user has asked to stop."""

    happened = False


@contextmanager
def as_ctrl_c() -> Iterator[None]:
    """Within the body every signal to stop ends the command as Ctrl-C does, together with what it has started."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    with handled(stop):
        yield


@contextmanager
def passed_to_the_engine() -> Iterator[Interruption]:
    """While the engine runs in a process of its own, signals to stop are for it; this process waits for its end."""
    interruption = Interruption()

    def stop(number: int, _frame: FrameType | None) -> None:
        if not interruption.happened:
            notices.print("stopping: what is under way comes to its end (Ctrl-C again: at once)")
        interruption.happened = True
        # Ctrl-C reaches the engine by itself; a second signal would make it drop what it is at.
        if not (number == signal.SIGINT and _at_a_terminal()):
            _interrupt_engine()

    with handled(stop):
        yield interruption


@contextmanager
def handled(stop: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Within the body ``stop`` handles every signal to stop; it gets the signal and the frame, as any handler."""
    # What `nohup` has started goes on when its terminal is closed.
    ignored = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    numbers = [number for number in _SIGNALS if not (ignored and number == signal.SIGHUP)]
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _at_a_terminal() -> bool:
    """Whether this process is in the foreground of a terminal, which sends Ctrl-C to all processes there."""
    with suppress(OSError):
        terminal = os.open("/dev/tty", os.O_RDONLY)
        try:
            return os.tcgetpgrp(terminal) == os.getpgrp()
        finally:
            os.close(terminal)
    return False


def _interrupt_engine() -> None:
    for process in children():
        if program_name(process) == "pulumi":
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGINT)
