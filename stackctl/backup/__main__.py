"""Command line: `python -m stackctl.backup run|list|restore --env prod`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from stack_config.files import StackFileError
from terminal.console import step
from terminal.errors import LocalError, UsageError

from ..deployed.kubectl import KubectlError
from ..deployed.stack import Stack
from ..deployed.target import find_stack
from ..verify.interruption import EXIT_CODE as INTERRUPTED
from ..verify.interruption import clean_stop
from .dumps import NEWEST, Dump, choose, read_list
from .jobs import run_job
from .web_pods import stopped

app = typer.Typer(add_completion=False, no_args_is_help=True)

Environment = Annotated[str, typer.Option("--env", help="Environment that `make up` deployed.")]
Context = Annotated[
    str | None, typer.Option("--context", help="Context of your kubeconfig, for a stack deployed by pulumi.")
]
Kubeconfig = Annotated[Path | None, typer.Option("--kubeconfig", help="Another kubeconfig than your own.")]
Namespace = Annotated[str | None, typer.Option("--namespace", help="Namespace. Default: the environment's.")]

_LAST_LINES = 5
_USUAL_SECONDS = 30


@app.command()
def run(
    env: Environment = "dev", context: Context = None, kubeconfig: Kubeconfig = None, namespace: Namespace = None
) -> None:
    """Make a backup now, and prove it. Exit code 0: kept; 1: failed; 2: wrong usage; 130: stopped."""
    with _stack(env, kubeconfig, context, namespace) as stack:
        with step("dump the database and restore the dump into a private server", _USUAL_SECONDS) as progress:
            outcome = run_job(stack, ["run"], begin=progress).check()
        _print(outcome.lines[-_LAST_LINES:])


@app.command("list")
def list_dumps(
    env: Environment = "dev", context: Context = None, kubeconfig: Kubeconfig = None, namespace: Namespace = None
) -> None:
    """List the dumps, the newest first."""
    with _stack(env, kubeconfig, context, namespace) as stack:
        lines = _list(stack)
        table = Table(box=None, pad_edge=False)
        for heading in ("dump", "made", "MiB", "contents"):
            table.add_column(heading, no_wrap=True, justify="right" if heading == "MiB" else "left")
        for dump in read_list(lines):
            made = f"{dump.made:%Y-%m-%d %H:%M:%S} UTC" if dump.made else ""
            table.add_row(dump.name, made, f"{dump.size / 2**20:.1f}", dump.contents)
        Console(highlight=False, width=None if sys.stdout.isatty() else 160).print(table)
        _print(line.removeprefix("backup: ") for line in lines if line.startswith("backup: volume: "))


@app.command()
def restore(
    dump: Annotated[str, typer.Argument(help="Name of a dump; the newest that no restore has made.")] = NEWEST,
    yes: Annotated[bool, typer.Option("--yes", help="Do it. Without this only what would be done is said.")] = False,
    safety_dump: Annotated[
        bool, typer.Option(help="Dump what is in the database first. Without it that is lost.")
    ] = True,
    env: Environment = "dev",
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    namespace: Namespace = None,
) -> None:
    """Replace what is in the database by a dump. Nobody is served meanwhile.

    Exit code 0: restored; 1: failed, and said what is so now; 2: wrong usage, or not confirmed; 130: stopped.
    """
    with _stack(env, kubeconfig, context, namespace) as stack:
        chosen = choose(read_list(_list(stack)), dump)
        if not yes:
            raise UsageError(_intention(chosen, stack, safety_dump=safety_dump))
        arguments = ["restore", chosen.name, *([] if safety_dump else ["no-safety-dump"])]
        with stopped(stack) as replicas, step(f"restore {chosen.name}", _USUAL_SECONDS) as progress:
            outcome = run_job(stack, arguments, begin=progress).check()
        _print((*outcome.lines, f"{replicas} web pods are ready again."))


def _list(stack: Stack) -> tuple[str, ...]:
    with step("read the volume of the backups", 5) as progress:
        return run_job(stack, ["list"], begin=progress).check().lines


def _intention(chosen: Dump, stack: Stack, *, safety_dump: bool) -> str:
    kept = "is dumped first and kept" if safety_dump else "is LOST"
    return (
        f"This would stop every web pod of {stack.kubectl.namespace} and replace what is in the database by\n"
        f"  {chosen.name} {chosen.contents}\n"
        f"What is in the database now {kept}. Nothing was changed. To do it: --yes (make: YES=1)"
    )


def _print(lines: Iterator[str] | tuple[str, ...]) -> None:
    for line in lines:
        print(line)


@contextmanager
def _stack(environment: str, kubeconfig: Path | None, context: str | None, namespace: str | None) -> Iterator[Stack]:
    """The deployed stack; what goes wrong with it ends the command with its exit code."""
    try:
        with clean_stop():
            yield find_stack(environment, kubeconfig=kubeconfig, context=context, namespace=namespace)
    except LocalError as error:
        typer.secho(str(error), fg=typer.colors.RED, err=True)
        sys.exit(error.exit_code)
    except (KubectlError, StackFileError) as error:
        typer.secho(str(error), fg=typer.colors.RED, err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        typer.secho("stopped", fg=typer.colors.RED, err=True)
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    app()
