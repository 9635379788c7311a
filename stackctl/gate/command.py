"""`stackctl gate`."""

from pathlib import Path
from typing import Annotated

import typer

from terminal.errors import ExitCode


def gate(
    previews: Annotated[
        list[str],
        typer.Argument(metavar="ENV=FILE...", help="Environment and the file that `preview --json` wrote; - is stdin."),
    ],
    out: Annotated[Path | None, typer.Option(help="File for the comment. Default: stdout.")] = None,
    labels: Annotated[
        list[str] | None,
        typer.Option(
            help="Labels of the pull request, separated by commas. Those named `allow-...` allow what the gate stops."
        ),
    ] = None,
    production: Annotated[
        list[str] | None,
        typer.Option(metavar="ENV", help="Environments in which the disruption budgets must be kept. Default: prod."),
    ] = None,
    commit: Annotated[str, typer.Option(help="Commit of the previews, named in the comment.")] = "",
) -> None:
    """Turn previews into one Markdown comment, and stop dangerous changes.

    Exit code 1: the gate stops a change, or a preview failed.
    """
    from .review import review

    names = frozenset(label.strip() for text in labels or () for label in text.split(",") if label.strip())
    blocks = review(previews, out=out, labels=names, production=frozenset(production or ["prod"]), commit=commit)
    for line in blocks:
        typer.secho(line, fg=typer.colors.RED, err=True)
    if blocks:
        raise typer.Exit(ExitCode.FAILED)
