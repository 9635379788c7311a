"""`stackctl manifests`."""

from pathlib import Path
from typing import Annotated

import typer

from terminal.errors import ExitCode

from ..options import Environment, Sets


def manifests(
    out: Annotated[Path, typer.Option(help="Directory for the files.")],
    env: Environment = "dev",
    sets: Sets = None,
    check: Annotated[bool, typer.Option("--check", help="Check the objects against the policies.")] = False,
) -> None:
    """Write the Kubernetes objects as YAML files, without engine, cluster or toolchain."""
    from .manifests import render

    files = render(env, out, sets or ())
    typer.echo(f"{len(files)} files in {out}")
    if check:
        _check_policies(files, env)


def _check_policies(files: list[Path], environment: str) -> None:
    from policy.rules import RULES
    from policy.rules.rule import Level

    from .policy_check import check

    findings = check(files, environment)
    for finding in findings:
        typer.echo(str(finding), err=True)
    typer.echo(f"{len(RULES)} policies, {len(findings)} findings")
    if any(finding.rule.level is Level.MANDATORY for finding in findings):
        raise typer.Exit(ExitCode.FAILED)
