"""`stackctl variables show`, `generate`, `check` and `diff`."""

from pathlib import Path
from typing import Annotated

import typer

from terminal.errors import ExitCode

variables = typer.Typer(
    no_args_is_help=True, help="Show the environment variables of Open WebUI and their classes, or maintain the table."
)

Release = Annotated[str | None, typer.Argument(help="Open WebUI release. Default: the classified one.")]
Wheel = Annotated[Path | None, typer.Option(help="Wheel of the release. Default: pip downloads it.")]


@variables.command()
def show(name: Annotated[str, typer.Argument(help="Name of the variable.")]) -> None:
    """Show the class of a variable, and the reason."""
    from .release_table import show as show_variable

    _exit(show_variable(name))


@variables.command()
def generate(release: Release = None, wheel: Wheel = None) -> None:
    """Write variables.json from variables.yaml and, for a new release, from its wheel."""
    from .release_table import generate as write

    write(release, wheel)


@variables.command()
def check(release: Release = None, wheel: Wheel = None) -> None:
    """Fail when variables.json is not up to date."""
    from .release_table import check as compare

    compare(release, wheel)


@variables.command()
def diff(release: Release = None, wheel: Wheel = None) -> None:
    """Show the variables that another release adds, removes and changes.

    Exit code 1: there are some to classify.
    """
    from .release_table import diff as show_differences

    _exit(show_differences(release, wheel))


def _exit(passed: bool) -> None:
    if not passed:
        raise typer.Exit(ExitCode.FAILED)
