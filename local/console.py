"""What is printed: progress and notices on stderr, results on stdout."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from rich.console import Console

notices = Console(stderr=True, highlight=False, soft_wrap=True)
results = Console(highlight=False, soft_wrap=True)


@contextmanager
def step(what: str, usual_seconds: int = 0) -> Iterator[None]:
    """Show that something is going on, how long it has taken and how long it usually takes.

    Args:
        what: the work, as it stands behind the check mark when it is done.
        usual_seconds: seconds it usually takes; 0 for what is too short to say.
    """
    started = monotonic()
    usual = f" [dim](usually {duration(usual_seconds)})[/dim]" if usual_seconds else ""
    if notices.is_terminal:
        with notices.status(f"{what}{usual}"):
            yield
    else:
        # A log has no spinner: say at the start what takes long.
        if usual_seconds:
            notices.print(f"… {what}{usual}")
        yield
    notices.print(f"[green]✓[/green] {what} [dim]{duration(monotonic() - started)}[/dim]")


def duration(seconds: float) -> str:
    """``4.1 s`` or ``5 min 30 s``."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"
