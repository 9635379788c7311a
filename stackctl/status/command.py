"""`stackctl status`."""

from typing import Annotated

import typer

from ..options import Context, Environment, Kubeconfig, Namespace, Target


def status(
    env: Environment = "dev",
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    namespace: Namespace = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what runs: releases, replicas, topology, the last proved backup, and the alerts that would fire now.

    Changes nothing. Exit code 2: an alert would fire.
    """
    from .report import status as show

    show(Target(environment=env, context=context, kubeconfig=kubeconfig, namespace=namespace), json=json)
