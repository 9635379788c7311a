"""`stackctl scan`."""

from typing import Annotated

import typer

from terminal.errors import ExitCode

from ..options import Sets


def scan(
    env: Annotated[list[str] | None, typer.Option("--env", help="Environment. Default: all.")] = None,
    sets: Sets = None,
) -> None:
    """Check the rendered objects and the workflows with third-party scanners.

    Exit code 1: there are findings. 2: a scanner failed.
    """
    from .scanning import scan as run_scanners

    if not run_scanners(env or (), sets or ()):
        raise typer.Exit(ExitCode.FAILED)
