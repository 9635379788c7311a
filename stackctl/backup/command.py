"""`stackctl backup run`, `backup list` and `restore`."""

from pathlib import Path
from typing import Annotated

import typer

from terminal.errors import UsageError

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
    """List the dumps on the volume, and the sets in the bucket if there is one, the newest first."""
    from .operations import list_dumps as show

    show(Target(environment=env, context=context, kubeconfig=kubeconfig, namespace=namespace))


def restore(
    dump: Annotated[
        str,
        typer.Argument(help="Name of a dump or a set, or `newest`: the newest that is not a safety dump."),
    ] = "newest",
    from_bucket: Annotated[
        bool, typer.Option("--from-bucket", help="Restore a set from the bucket, with the uploaded files in it.")
    ] = False,
    uploads: Annotated[bool, typer.Option(help="Restore the uploaded files of a set as well.")] = True,
    age_identity: Annotated[
        Path | None,
        typer.Option(
            help="File with the private key of age, for an encrypted set. The key is in a Secret until the end.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
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
    from .operations import restore_from_bucket

    target = Target(environment=env, context=context, kubeconfig=kubeconfig, namespace=namespace)
    if from_bucket:
        identity = age_identity.read_text() if age_identity else None
        restore_from_bucket(
            target, dump, confirmed=yes, safety_dump=safety_dump, uploads=uploads, age_identity=identity
        )
    elif age_identity or not uploads:
        raise UsageError("--age-identity and --no-uploads are options of --from-bucket. Nothing was changed.")
    else:
        restore_dump(target, dump, confirmed=yes, safety_dump=safety_dump)
