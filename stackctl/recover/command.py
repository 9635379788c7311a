"""`stackctl recover`."""

from typing import Annotated

import typer

from ..options import Context, Environment, Kubeconfig, Namespace, Target


def recover(
    to: Annotated[
        str, typer.Option("--to", help="Time in ISO 8601, such as 2026-11-29T12:34:56Z, or `latest`. Without it, list.")
    ] = "",
    archive: Annotated[
        str,
        typer.Option("--archive", help="Identifier of another archive in the bucket, such as that of a lost volume."),
    ] = "",
    drill: Annotated[
        bool, typer.Option("--drill", help="Recover into a scratch volume beside the server, and delete it afterwards.")
    ] = False,
    back: Annotated[bool, typer.Option("--back", help="Go back to the data that the last recovery replaced.")] = False,
    discard: Annotated[bool, typer.Option("--discard", help="Delete the data that recoveries replaced.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it. Without it, only show what would be done.")] = False,
    env: Environment = "dev",
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    namespace: Namespace = None,
) -> None:
    """Bring the database to a given second, from the archive in the bucket. The web pods are stopped meanwhile."""
    from .operations import Request
    from .operations import recover as recover_database

    target = Target(environment=env, context=context, kubeconfig=kubeconfig, namespace=namespace)
    request = Request(to=to, archive=archive, drill=drill, back=back, discard=discard, confirmed=yes)
    recover_database(target, request)
