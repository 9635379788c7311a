"""`python -m stackctl.scan`. Exit code 0: nothing open; 1: findings; 2: a scanner could not do its work."""

import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from stack_config.files import StackFileError, environments
from stack_config.load import ConfigError
from terminal.errors import LocalError

from ..render.manifests import render
from . import checkov, kube_score, kubernetes_schemas, workflow_checks
from .accepted import FILE, Judged, judge, read_accepted, unused
from .finding import Scan, ScanError

application = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
_FAILED = 2


@application.command()
def scan(
    env: Annotated[list[str] | None, typer.Option("--env", help="Environment; all when not given.")] = None,
    sets: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Config over the environment's.")
    ] = None,
) -> None:
    """Check the rendered objects of the environments and the workflows with other people's scanners."""
    accepted = read_accepted()
    scans: list[Scan] = []
    findings = 0
    for one in _scans(env or environments(), sets or ()):
        scans.append(one)
        judged = judge(one, accepted)
        findings += len(judged.open)
        typer.echo("\n".join(_lines(judged)))
    # With a part of the environments or another config a finding may be away for the moment only.
    stale = [] if env or sets else unused(scans, accepted)
    for left_over in stale:
        typer.echo(f"{FILE.name}: {left_over} is accepted and not found any more: remove it")
    if findings or stale:
        raise typer.Exit(1)


def _scans(names: Sequence[str], sets: Iterable[str]) -> Iterator[Scan]:
    for name in names:
        with tempfile.TemporaryDirectory(prefix="scan-") as directory:
            files = render(name, Path(directory), sets)
            yield kube_score.scan(name, files)
            yield kubernetes_schemas.scan(name, files)
            yield checkov.scan(name, Path(directory))
    yield from workflow_checks.scan()


def _lines(judged: Judged) -> Iterator[str]:
    scan = judged.scan
    mark = "✗" if judged.open else "✓"
    accepted = f", {judged.accepted} accepted" if judged.accepted else ""
    yield f"{mark} {scan.tool}  {scan.scope}: {scan.looked_at} looked at, {len(judged.open)} findings{accepted}"
    for finding in judged.open:
        yield f"    {finding.subject}  {finding.rule}  {finding.what}"
        if finding.remedy:
            yield f"        {finding.remedy}"


def main() -> None:
    """Run the command; what a person can act on is a message, without a trace."""
    try:
        application()
    except (ScanError, StackFileError, ConfigError, LocalError) as error:
        typer.secho(str(error), fg=typer.colors.RED, err=True)
        sys.exit(_FAILED)


if __name__ == "__main__":
    main()
