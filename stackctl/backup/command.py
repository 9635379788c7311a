"""`stackctl backup run`, `backup list` and `restore`."""

from typing import Annotated

import typer

from ..options import Context, Environment, Kubeconfig, Namespace, Target

backup = typer.Typer(no_args_is_help=True, help="Back up the database, or list the dumps.")


@backup.command()
def run(
    env: Environment = "dev", context: Context = None, kubeconfig: Kubeconfig = None, namespace: Namespace = None
) -> None:
    """Dump the database now, and prove the dump: restore it into a private server."""
    from .operations import run as run_backup

    run_backup(Target(environment=env, context=context, kubeconfig=kubeconfig, namespace=namespace))


@backup.command("list")
def list_dumps(
    env: Environment = "dev", context: Context = None, kubeconfig: Kubeconfig = None, namespace: Namespace = None
) -> None:
    """List the dumps, the newest first."""
    from .operations import list_dumps as show

    show(Target(environment=env, context=context, kubeconfig=kubeconfig, namespace=namespace))


def restore(
    dump: Annotated[
        str, typer.Argument(help="Name of a dump, or `newest`: the newest that is not a safety dump.")
    ] = "newest",
    yes: Annotated[bool, typer.Option("--yes", help="Restore. Without it, only show what would be done.")] = False,
    safety_dump: Annotated[
        bool, typer.Option(help="Dump the present contents of the database first. Without it they are lost.")
    ] = True,
    env: Environment = "dev",
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    namespace: Namespace = None,
) -> None:
    """Replace the database by a dump. The web pods are stopped meanwhile."""
    from .operations import restore as restore_dump

    target = Target(environment=env, context=context, kubeconfig=kubeconfig, namespace=namespace)
    restore_dump(target, dump, confirmed=yes, safety_dump=safety_dump)
