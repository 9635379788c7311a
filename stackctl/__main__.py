"""Command line of `stackctl`: `python -m stackctl up --env dev`."""

import errno
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from terminal.errors import InterruptedByUserError, LocalError, UsageError

if TYPE_CHECKING:
    from .deploy.workspace import Overrides

application = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="The stack on one machine. Exit code 0: done; 1: failed; 2: wrong usage, or drift found; 130: stopped.",
)

Environment = Annotated[str, typer.Option("--env", help="Environment: the NAME of a Pulumi.NAME.yaml.")]
ClusterName = Annotated[str, typer.Option("--cluster", help="auto, kwok, kind, node or a context of your kubeconfig.")]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Config over the environment's, as `pulumi config set --path`."),
]
SecretFiles = Annotated[
    list[str] | None, typer.Option("--secret-file", metavar="KEY=FILE", help="Secret config key, its value in a file.")
]


@application.command()
def up(
    env: Environment = "dev",
    cluster: ClusterName = "auto",
    sets: Sets = None,
    secret_file: SecretFiles = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Put back what was changed in the cluster by hand.")
    ] = False,
) -> None:
    """Deploy the stack: toolchain, cluster, update."""
    from .deploy import commands

    commands.up(env, cluster, _overrides(sets, secret_file), refresh=refresh)


@application.command()
def preview(
    env: Environment = "dev",
    cluster: ClusterName = "auto",
    sets: Sets = None,
    secret_file: SecretFiles = None,
    json: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write the preview to FILE, for `python -m stackctl.gate`."),
    ] = None,
) -> None:
    """Show what `up` would change."""
    from .deploy import commands

    commands.preview(env, cluster, _overrides(sets, secret_file), json)


@application.command()
def adopt(
    env: Environment = "dev", cluster: ClusterName = "auto", sets: Sets = None, secret_file: SecretFiles = None
) -> None:
    """Take over what was deployed by hand under the stack's names. No pod restarts.

    The state changes, and in the cluster the strategy of a Deployment where an update could not change it.
    """
    from .deploy import commands

    commands.adopt(env, cluster, _overrides(sets, secret_file))


@application.command()
def drift(env: Environment = "dev") -> None:
    """Show what was changed in the cluster by hand; exit code 2 when something was. Nothing is changed."""
    from .deploy import commands

    commands.drift(env)


@application.command()
def outputs(
    env: Environment = "dev", secrets: Annotated[bool, typer.Option(help="Show the values of secrets.")] = False
) -> None:
    """Print the stack's outputs as JSON."""
    from .deploy import commands

    commands.outputs(env, secrets=secrets)


@application.command()
def kubeconfig(env: Environment = "dev") -> None:
    """Print the path of the kubeconfig of the environment's cluster."""
    from .deploy import commands

    commands.kubeconfig(env)


@application.command()
def down(
    env: Annotated[str | None, typer.Option("--env", help="Environment. Default: all that are up.")] = None,
) -> None:
    """Take down what `up` made. A cluster that `up` made goes with all its data; from yours the stack is destroyed."""
    from .deploy import commands

    commands.down(env)


@application.command()
def clean() -> None:
    """Remove this project's clusters and all state; built programs stay."""
    from .deploy import commands

    commands.clean()


@application.command()
def manifests(
    out: Annotated[Path, typer.Option(help="Directory for the files.")],
    env: Environment = "dev",
    sets: Sets = None,
    check: Annotated[bool, typer.Option("--check", help="Check them against the policies, too.")] = False,
) -> None:
    """Write the objects as YAML files, without engine, cluster or toolchain."""
    from .render.manifests import render

    files = render(env, out, sets or ())
    typer.echo(f"{len(files)} files in {out}")
    if check:
        _check_policies(files, env)


def _check_policies(files: list[Path], environment: str) -> None:
    from policy.rules import RULES
    from policy.rules.rule import Level

    from .render.policy_check import check

    findings = check(files, environment)
    for finding in findings:
        typer.echo(str(finding), err=True)
    typer.echo(f"{len(RULES)} policies, {len(findings)} findings")
    if any(finding.rule.level is Level.MANDATORY for finding in findings):
        raise typer.Exit(LocalError.exit_code)


def _overrides(sets: list[str] | None, secret_files: list[str] | None) -> "Overrides":
    from .deploy.workspace import Overrides

    pairs = [assignment.partition("=") for assignment in secret_files or ()]
    for key, equals, file in pairs:
        if not (key and equals and file):
            raise UsageError(f"--secret-file {key}: expected KEY=FILE, for example openaiApiKey=key.txt")
    return Overrides(sets=tuple(sets or ()), secret_files={key: Path(file) for key, _, file in pairs})


def main() -> None:
    """Run a command; an error a person can act on is its message, without a trace."""
    from pulumi import RunError

    from host.signals import as_ctrl_c
    from stack_config.files import StackFileError

    try:
        # Go and Pulumi do without the user database: whoever has no HOME has none for them.
        with suppress(RuntimeError):
            os.environ.setdefault("HOME", str(Path.home()))
        with as_ctrl_c():
            application()
    except StackFileError as error:
        _fail(str(error), UsageError.exit_code)
    except LocalError as error:
        _fail(str(error), error.exit_code)
    except RunError as error:
        _fail(str(error), LocalError.exit_code)
    except OSError as error:
        _fail(_told(error), LocalError.exit_code)
    except SystemExit as end:
        if end.code == InterruptedByUserError.exit_code:
            typer.echo("interrupted: what had been done is kept, the same command goes on", err=True)
        raise


def _told(error: OSError) -> str:
    """What the system has refused, and for what."""
    if error.strerror is None:
        return str(error)
    place = f"{error.filename}: " if error.filename is not None else ""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return f"{place}{error.strerror}" + (
        "\nMake room and run the same command again: it goes on from there" if full else ""
    )


def _fail(message: str, exit_code: int) -> NoReturn:
    typer.secho(message, fg=typer.colors.RED, err=True)
    sys.exit(exit_code)


if __name__ == "__main__":
    main()
