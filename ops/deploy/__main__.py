"""Command line: `python -m ops.deploy preview|up|drift --env prod`.

Exit code: 0, done; 1, it failed; 2, there is drift, or wrong usage.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from pulumi import RunError, automation

from local.commands import refreshed, report_drift
from local.console import results
from local.errors import LocalError, UsageError
from local.interruption import passed_to_the_engine
from local.preview_file import preview_to_file, written_whatever_happens
from local.progress import Progress
from stack_config.files import StackFileError

from .stack import shared_stack

application = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)

Environment = Annotated[str, typer.Option("--env", help="Environment: stack NAME of Pulumi.NAME.yaml.")]
StandIns = Annotated[
    bool, typer.Option("--stand-ins", help="Take stand-ins for official providers: for a cluster on this machine.")
]


@application.command()
def preview(
    env: Environment,
    json: Annotated[Path, typer.Option("--json", metavar="FILE", help="File for `python -m ops.preview`.")],
    stand_ins: StandIns = False,
) -> None:
    """Write what an update would change."""
    with written_whatever_happens(json):
        stack = shared_stack(env, stand_ins=stand_ins)
        progress = _run("preview", lambda on_event: preview_to_file(stack, json, on_event))
    results.print(f"[bold]{env}[/bold]: {progress.changes} would change")


@application.command()
def up(
    env: Environment,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Put back what was changed in the cluster by hand.")
    ] = False,
    stand_ins: StandIns = False,
) -> None:
    """Deploy."""
    stack = shared_stack(env, stand_ins=stand_ins)
    # The outputs are for those who may read the state, not for a pipeline's log.
    progress = _run(
        "update",
        lambda on_event: stack.up(refresh=refresh, on_event=on_event, suppress_outputs=True, show_secrets=False),
    )
    results.print(f"[bold]{env}[/bold] is deployed: {progress.changes} changed")


@application.command()
def drift(env: Environment, stand_ins: StandIns = False) -> None:
    """Show what was changed in the cluster by hand; exit code 2 when something was. Nothing is changed."""
    found = refreshed(shared_stack(env, stand_ins=stand_ins))
    report_drift(env, found, f"python -m ops.deploy up --env {env} --refresh")


def _run(what: str, action: Callable[[Callable[[automation.EngineEvent], None]], Any]) -> Progress:
    with passed_to_the_engine(), Progress(results, preview=what == "preview") as progress:
        try:
            action(progress.on_event)
        except automation.CommandError as error:
            messages = dict.fromkeys(progress.errors or [str(error)])
            raise LocalError(f"{what} failed\n" + "\n".join(messages)) from error
    return progress


def main() -> None:
    """Run a command; an error a person can act on is its message, without a trace."""
    try:
        application()
    except StackFileError as error:
        _fail(str(error), UsageError.exit_code)
    except LocalError as error:
        _fail(str(error), error.exit_code)
    except RunError as error:
        _fail(str(error), LocalError.exit_code)


def _fail(message: str, exit_code: int) -> NoReturn:
    typer.secho(message, fg=typer.colors.RED, err=True)
    sys.exit(exit_code)


if __name__ == "__main__":
    main()
