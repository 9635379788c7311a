"""Output of the commands: progress and notices on stderr, results on stdout."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

notices = Console(stderr=True, highlight=False, soft_wrap=True)
results = Console(highlight=False, soft_wrap=True)

LOG_SECONDS = 30
_WIDTH_OF_A_LOG = 160


def tables() -> Console:
    """Console for tables on stdout: as wide as the terminal, or 160 characters in a log."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH_OF_A_LOG)


@contextmanager
def step(what: str, usual_seconds: int = 0) -> Iterator[Callable[[str], None]]:
    """Show the progress of a step, with the time it has taken and the time it usually takes.

    Args:
        what: the step, printed after the check mark when it is done.
        usual_seconds: time that it usually takes; 0 for a short step.

    Yields:
        Function that reports the progress. A terminal shows it at once, a log every half a minute.
    """
    started = monotonic()
    usual = f" (usually {duration(usual_seconds)})" if usual_seconds else ""
    if notices.is_terminal:
        columns = SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn()
        with Progress(*columns, console=notices, transient=True) as progress:
            task = progress.add_task(f"{what}{usual}")
            yield lambda state: progress.update(task, description=f"{what}{usual}: {state}")
    else:
        # A log has no spinner: announce a long step when it starts.
        if usual_seconds:
            notices.print(f"… {what}{usual}")
        yield _Log().report
    notices.print(f"[green]✓[/green] {what} [dim]{duration(monotonic() - started)}[/dim]")


class _Log:
    """Reports the progress every half a minute."""

    def __init__(self) -> None:
        self._started = self._last = monotonic()

    def report(self, state: str) -> None:
        if monotonic() - self._last >= LOG_SECONDS:
            self._last = monotonic()
            notices.print(f"  {duration(monotonic() - self._started)}: {state}")


def duration(seconds: float) -> str:
    """``4.1 s`` or ``5 min 30 s``."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"
