"""`stackctl upgrade-database`."""

from typing import Annotated

import typer

from ..options import Context, Environment, Kubeconfig, Namespace, Target


def upgrade_database(
    image: Annotated[
        str, typer.Option("--image", help="Image with the new major version; with --undo the one from before.")
    ],
    undo: Annotated[
        bool, typer.Option("--undo", help="Go back to the data from before the upgrade. Rows since then are set aside.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it. Without it, only describe the steps.")] = False,
    env: Environment = "dev",
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    namespace: Namespace = None,
) -> None:
    """Bring the data of PostgreSQL to another major version, or go back. The service is interrupted meanwhile."""
    from .operations import upgrade

    target = Target(environment=env, context=context, kubeconfig=kubeconfig, namespace=namespace)
    upgrade(target, image, undo=undo, confirmed=yes)
