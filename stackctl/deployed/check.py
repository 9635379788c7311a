"""A check, and the two errors with which it ends without passing."""

from collections.abc import Callable
from dataclasses import dataclass

from .stack import Stack


class CheckError(Exception):
    """The check fails."""


class CannotRunError(Exception):
    """The check does not apply here: it neither passes nor fails."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check."""

    name: str
    """Name in the report: the condition as a short phrase."""

    proves: str
    """The condition in one sentence."""

    run: Callable[[Stack], str]
    """Returns what it observed, in a few words. Raises `CheckError` or `CannotRunError`."""

    look_at: str
    """A command that shows more when it fails; ``{kubectl}`` is kubectl with the cluster and the namespace."""

    runs_in_pods: bool = True
    """Whether it needs running containers, which simulated pods do not have."""
