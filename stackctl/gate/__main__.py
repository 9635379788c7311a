"""Command line: `python -m stackctl.gate dev=dev.json prod=prod.json --out comment.md`.

Exit code: 0, nothing stands against the change; 1, the gate stops it or a preview failed; 2, wrong usage.
"""

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from .gate import ALLOWING
from .markdown import comment
from .model import Preview, PreviewError, parse
from .report import Report, report, unreadable, unused_labels

BLOCKED = 1
WRONG_USAGE = 2

application = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@application.command()
def main(
    previews: Annotated[
        list[str],
        typer.Argument(metavar="ENV=FILE...", help="What `make preview ENV=... JSON=FILE` wrote; - is stdin."),
    ],
    out: Annotated[Path | None, typer.Option(help="File for the comment. Default: stdout.")] = None,
    labels: Annotated[
        list[str] | None,
        typer.Option(
            help="Labels of the pull request, separated by commas. `allow-...` among them allow what the gate stops.",
        ),
    ] = None,
    production: Annotated[
        list[str] | None,
        typer.Option(metavar="ENV", help="Environments in which the disruption budgets must be kept. Default: prod."),
    ] = None,
    commit: Annotated[str, typer.Option(help="Commit of the previews, to be named in the comment.")] = "",
) -> None:
    """Turn previews into one Markdown comment, and stop dangerous changes."""
    given = frozenset(label.strip() for text in labels or () for label in text.split(",") if label.strip())
    in_production = frozenset(production or ["prod"])
    reports: list[Report] = []
    refusals: list[str] = []
    for name, file in _files(previews):
        try:
            reports.append(report(name, _read(file), production=name in in_production, labels=given))
        except (PreviewError, OSError, UnicodeDecodeError) as error:
            refusals.append(f"{name}={file}: {_why(error)}. Write it again: make preview ENV={name} JSON={file}")
            # The comment says it, too: what it said of an earlier commit must not stay.
            reports.append(unreadable(name, f"the file of the preview cannot be read: {_why(error)}"))
    text = comment(reports, unused_labels(reports, given), commit)
    if out:
        try:
            out.write_text(text)
        except OSError as error:
            _refuse(f"--out {out}: {error.strerror}")
    else:
        typer.echo(text, nl=False)
    if refusals:
        _refuse("\n".join(refusals))
    for line in _blocks(reports):
        typer.secho(line, fg=typer.colors.RED, err=True)
    if any(each.blocked for each in reports):
        raise typer.Exit(BLOCKED)


def _files(previews: list[str]) -> list[tuple[str, str]]:
    found: dict[str, str] = {}
    for argument in previews:
        name, equals, file = argument.partition("=")
        if not (name and equals and file):
            _refuse(f"{argument}: expected ENV=FILE, for example prod=prod.json")
        if name in found:
            _refuse(f"{argument}: {name} is named twice")
        if not ALLOWING.fullmatch(f"allow-replace:{name}/any"):
            _refuse(f"{argument}: the name of an environment has letters, digits, '.', '_' and '-'")
        found[name] = file
    if list(found.values()).count("-") > 1:
        _refuse("only one preview can be read from stdin")
    return list(found.items())


def _why(error: PreviewError | OSError | UnicodeDecodeError) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return str(error) if isinstance(error, PreviewError) else "it is not a text file"


def _read(file: str) -> Preview:
    return parse(sys.stdin.read() if file == "-" else Path(file).read_text())


def _blocks(reports: list[Report]) -> list[str]:
    lines = [f"{each.environment}: the preview failed: {error}" for each in reports for error in each.errors]
    for each in reports:
        for finding in each.findings:
            if not finding.allowed:
                allow = f"to allow it: --labels {finding.label}" if finding.label else f"to do: {finding.remedy}"
                lines.append(f"{each.environment}: {finding.resource} {finding.what}\n  {finding.cause}\n  {allow}")
    return lines


def _refuse(message: str) -> NoReturn:
    typer.secho(message, fg=typer.colors.RED, err=True)
    raise typer.Exit(WRONG_USAGE)


if __name__ == "__main__":
    application()
