"""`stackctl drift`."""

from pathlib import Path
from typing import Annotated

import typer

from ..options import Environment


def drift(
    env: Environment = "dev",
    events: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Events of `pulumi refresh --preview-only --json`, for a stack that pulumi deployed. "
            "Default: compare the stack that `up` deployed from this machine.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    metrics: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write the result to FILE, as metrics for Prometheus."),
    ] = None,
) -> None:
    """Show what differs in the cluster from the last update. Changes nothing.

    Exit code 2: something differs.
    """
    from .report import drift as show

    show(env, events=events, metrics=metrics)
