"""`stackctl drift`."""

from ..options import Environment


def drift(env: Environment = "dev") -> None:
    """Show what differs in the cluster from the last update. Changes nothing.

    Exit code 2: something differs.
    """
    from .report import drift as show

    show(env)
