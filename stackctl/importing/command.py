"""`stackctl import`."""

from pathlib import Path
from typing import Annotated

import typer

from ..options import Context, Environment, Kubeconfig, Namespace, Target


def import_data(
    data: Annotated[
        Path, typer.Argument(help="Directory `data` of the single Open WebUI: webui.db, uploads, vector_db.")
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Import. Without it, only show what would change.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Overwrite users, chats and files that only the stack has.")
    ] = False,
    documents: Annotated[bool, typer.Option(help="Embed the documents again, with the stack's model.")] = True,
    files: Annotated[bool, typer.Option(help="Copy uploaded files.")] = True,
    safety_dump: Annotated[
        bool, typer.Option(help="Dump the present contents of the database first. Without it they are lost.")
    ] = True,
    env: Environment = "dev",
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    namespace: Namespace = None,
) -> None:
    """Copy a single Open WebUI with SQLite into the stack. The web pods are stopped meanwhile."""
    from .operations import Choices, run

    target = Target(environment=env, context=context, kubeconfig=kubeconfig, namespace=namespace)
    choices = Choices(confirmed=yes, overwrite=overwrite, documents=documents, files=files, safety_dump=safety_dump)
    run(target, data, choices)
