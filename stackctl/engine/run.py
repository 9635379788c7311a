"""A run of the engine: its progress on the terminal, its failure as a message."""

from collections.abc import Iterator
from contextlib import contextmanager

from pulumi import automation

from host.signals import passed_to_the_engine
from terminal.console import results
from terminal.errors import InterruptedByUserError, LocalError
from terminal.invocation import command_line

from .progress import Progress

_KEPT = "Completed steps are kept; the next run continues from there."


def unprotect_first() -> str:
    """What to do about resources that are protected."""
    return f"To delete protected resources, remove their protection first: {command_line('up', set='protect=false')}"


@contextmanager
def engine_run(operation: str, *, preview: bool) -> Iterator[Progress]:
    """Show the progress of the engine, and convert its failure to a message.

    Args:
        operation: name of the run in messages: ``update``, ``preview``, ``destroy``.
        preview: whether the engine only plans.

    Raises:
        InterruptedByUserError: the user stopped it.
        LocalError: it failed.
    """
    with passed_to_the_engine() as interruption, Progress(results, preview=preview) as progress:
        try:
            yield progress
        except automation.CommandError as error:
            if interruption.happened:
                raise InterruptedByUserError(f"{operation} stopped. {_KEPT}") from error
            raise LocalError(_failure(operation, progress, error)) from error


def _failure(operation: str, progress: Progress, error: automation.CommandError) -> str:
    messages = progress.errors or [str(error)]
    unique = list(dict.fromkeys(message for message in messages if message != f"{operation} failed"))
    after = {"preview": "", "destroy": f"\n{unprotect_first()}\n{_KEPT}"}.get(operation, f"\n{_KEPT}")
    return f"{operation} failed\n" + "\n".join(unique or messages) + after
