"""Signals to stop: SIGINT, SIGTERM and SIGHUP.

A command that is stopped ends the processes that it started. While the engine runs, a first Ctrl-C lets it finish the
current step and write its state; a second one ends it at once.
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
    """Whether the user asked to stop."""

    happened = False


@contextmanager
def as_ctrl_c() -> Iterator[None]:
    """Within the body every signal to stop ends the command as Ctrl-C does, with the processes that it started."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    with handled(stop):
        yield


@contextmanager
def announced_stop(cleanup: str) -> Iterator[None]:
    """Within the body every signal to stop raises KeyboardInterrupt. A notice says what the body does before it ends.

    Args:
        cleanup: what it does, for the notice: ``removing the pods``. A second signal ends that as well.
    """
    seen = 0

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal seen
        seen += 1
        if seen == 1:
            notices.print(f"stopping: {cleanup} (Ctrl-C again: at once)")
        raise KeyboardInterrupt

    with handled(stop):
        yield


@contextmanager
def passed_to_the_engine() -> Iterator[Interruption]:
    """While the engine runs in a separate process, it receives signals to stop; this process waits for its end."""
    interruption = Interruption()

    def stop(number: int, _frame: FrameType | None) -> None:
        if not interruption.happened:
            notices.print("stopping: the current step is finished first (Ctrl-C again: at once)")
        interruption.happened = True
        # The terminal sends Ctrl-C to the engine as well; a second signal would make it abandon the current step.
        if not (number == signal.SIGINT and _at_a_terminal()):
            _interrupt_engine()

    with handled(stop):
        yield interruption


@contextmanager
def handled(stop: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Within the body ``stop`` handles every signal to stop. It has the parameters of a signal handler."""
    # A command under `nohup` continues when its terminal is closed.
    ignored = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    numbers = [number for number in _SIGNALS if not (ignored and number == signal.SIGHUP)]
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _at_a_terminal() -> bool:
    """Whether this process is in the foreground of a terminal, which sends Ctrl-C to all processes in it."""
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
