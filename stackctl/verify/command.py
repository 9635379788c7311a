"""`stackctl verify`."""

from pathlib import Path
from typing import Annotated

import typer

from terminal.errors import ExitCode

from ..options import Context, Environment, Kubeconfig, Namespace, Target


def verify(
    env: Environment = "dev",
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    namespace: Namespace = None,
    admin_email: Annotated[
        str | None, typer.Option(help="Administrator of Open WebUI. Default: the one in the stack's Secret.")
    ] = None,
    admin_password_file: Annotated[
        Path | None, typer.Option(help="File with the administrator's password, if it was changed in Open WebUI.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the report as one page that loads nothing.")
    ] = None,
) -> None:
    """Check a deployed stack: pods, Redis, names, sessions, scaling.

    Exit code 1: a check fails. 2: the stack cannot be checked.
    """
    from .run import verify as run_checks

    target = Target(environment=env, context=context, kubeconfig=kubeconfig, namespace=namespace)
    if not run_checks(target, email=admin_email, password_file=admin_password_file, json=json, html=html):
        raise typer.Exit(ExitCode.FAILED)
