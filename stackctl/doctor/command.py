"""`stackctl doctor`."""

from typing import Annotated

import typer

from ..options import Context, Environment, Kubeconfig, Namespace, Target


def doctor(
    env: Environment = "dev",
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    namespace: Namespace = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Recognize known symptoms in pods, events and logs, and name the cause and the command that fixes it.

    Changes nothing. Exit code 2: a symptom is recognized.
    """
    from .report import doctor as show

    show(Target(environment=env, context=context, kubeconfig=kubeconfig, namespace=namespace), json=json)
