"""What a check is, and the two ways in which it can end without passing."""

from collections.abc import Callable
from dataclasses import dataclass

from .stack import Stack


class CheckError(Exception):
    """Something is not as it has to be."""


class CannotRunError(Exception):
    """This check has nothing to look at here; that is neither good nor bad."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check."""

    name: str
    """What holds when it passes."""

    run: Callable[[Stack], str]
    """Looks, and says in a few words what it saw. Raises `CheckError` or `CannotRunError`."""

    look_at: str
    """A command that shows more when it fails; ``{kubectl}`` is kubectl with the cluster and the namespace."""

    runs_in_pods: bool = True
    """Whether it needs containers that run, which simulated pods do not have."""

    @property
    def proves(self) -> str:
        """The rule in one sentence."""
        return (self.run.__doc__ or "").strip().partition("\n")[0]
