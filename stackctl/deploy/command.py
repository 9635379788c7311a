"""`stackctl up`, `preview`, `outputs`, `kubeconfig`, `down` and `clean`."""

from pathlib import Path
from typing import Annotated

import typer

from ..options import ClusterName, Environment, SecretFiles, Sets, overrides


def up(
    env: Environment = "dev",
    cluster: ClusterName = "auto",
    sets: Sets = None,
    secret_file: SecretFiles = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Read the cluster first, and revert what was changed there manually.")
    ] = False,
) -> None:
    """Deploy an environment: toolchain, cluster, update."""
    from .update import up as deploy

    deploy(env, cluster, overrides(sets, secret_file), refresh=refresh)


def preview(
    env: Environment = "dev",
    cluster: ClusterName = "auto",
    sets: Sets = None,
    secret_file: SecretFiles = None,
    json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the preview to FILE, for `stackctl gate`.")
    ] = None,
) -> None:
    """Show what `up` would change."""
    from .preview import preview as show

    show(env, cluster, overrides(sets, secret_file), json)


def outputs(
    env: Environment = "dev", secrets: Annotated[bool, typer.Option(help="Show the values of secrets.")] = False
) -> None:
    """Print the outputs of the stack as JSON."""
    from .outputs import outputs as show

    show(env, secrets=secrets)


def kubeconfig(env: Environment = "dev") -> None:
    """Print the path of the kubeconfig of the environment's cluster."""
    from .outputs import kubeconfig as show

    show(env)


def down(
    env: Annotated[str | None, typer.Option("--env", help="Environment. Default: all that are deployed.")] = None,
) -> None:
    """Remove everything that `up` created, including data. Deletes a cluster that `up` created. On your own cluster it
    destroys the stack only.
    """
    from .removal import down as remove

    remove(env)


def clean() -> None:
    """Remove this project's clusters and all state. Built programs stay."""
    from .removal import clean as remove

    remove()
