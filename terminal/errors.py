"""Errors that the operator can act on, and the exit code of each."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """Exit codes of `stackctl`, the same for every command."""

    DONE = 0
    """The command did what it is for, and what it checks passes."""

    FAILED = 1
    """The command failed, or what it checks does not pass."""

    USAGE = 2
    """The command line is wrong, or there is nothing to check."""

    DRIFT = 2
    """`drift` alone: the cluster differs from the last update."""

    UNHEALTHY = 2
    """`status` and `doctor` alone: an alert would fire, or a known symptom shows."""

    INTERRUPTED = 130
    """Ctrl-C or another signal to stop ended the command: 128 + SIGINT, as shells count."""


class LocalError(Exception):
    """A command failed for a reason the operator can act on. The message is all that is printed, without a trace."""

    exit_code: ClassVar[ExitCode] = ExitCode.FAILED


class UsageError(LocalError):
    """The command line asks for something that does not exist."""

    exit_code = ExitCode.USAGE


class NothingCheckedError(LocalError):
    """What the command checks could not be looked at: it neither passes nor fails."""

    exit_code = ExitCode.USAGE


class InterruptedByUserError(LocalError):
    """The operator stopped the command. What it had done stays."""

    exit_code = ExitCode.INTERRUPTED


@contextmanager
def nothing_checked(*kinds: type[Exception]) -> Iterator[None]:
    """Within the body of a check, an error means that nothing was checked: it neither passes nor fails.

    Args:
        kinds: further errors that the operator can act on.

    Raises:
        NothingCheckedError: for an error in the body.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, InterruptedByUserError) or not isinstance(error, (LocalError, *kinds)):
            raise
        raise NothingCheckedError(str(error)) from error
