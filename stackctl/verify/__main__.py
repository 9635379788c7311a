"""Command line: `python -m stackctl.verify --env dev`."""

import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from stack_config.files import StackFileError
from terminal.console import step
from terminal.errors import LocalError, UsageError

from ..deployed.check import CheckError
from ..deployed.kubectl import KubectlError
from ..deployed.scaling import restore_left_over
from ..deployed.stack import Account, Stack
from ..deployed.target import find_stack
from . import report
from .checks import all_checks
from .client_pod import remove_left_over
from .interruption import EXIT_CODE as INTERRUPTED
from .interruption import clean_stop
from .visit import Visit

# Without the traces that typer draws: they show what variables hold.
application = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
NOTHING_TO_CHECK = 2
_USUAL_SECONDS = 90
_WIDTH_OF_A_LOG = 160


@application.command()
def main(
    env: Annotated[str, typer.Option(help="Environment that `make up` deployed.")] = "dev",
    context: Annotated[
        str | None, typer.Option(help="Context of your kubeconfig, for a stack deployed by pulumi.")
    ] = None,
    kubeconfig: Annotated[Path | None, typer.Option(help="Another kubeconfig than your own.")] = None,
    namespace: Annotated[str | None, typer.Option(help="Namespace. Default: the environment's.")] = None,
    admin_email: Annotated[
        str | None, typer.Option(help="An administrator of Open WebUI. Default: the one in the stack's Secret.")
    ] = None,
    admin_password_file: Annotated[
        Path | None, typer.Option(help="File with the administrator's password, when it was changed in Open WebUI.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check a deployed stack.

    Exit code 0: all that can run here passes; 1: something fails; 2: nothing to check, or wrong usage; 130: stopped.
    """
    try:
        with clean_stop():
            stack = find_stack(env, kubeconfig=kubeconfig, context=context, namespace=namespace)
            results = _run(stack, Visit(_administrator(stack, admin_email, admin_password_file)))
    except (KubectlError, LocalError, StackFileError) as error:
        _fail(str(error), NOTHING_TO_CHECK)
    except KeyboardInterrupt:
        _fail("stopped", INTERRUPTED)
    if json:
        print(report.as_json(results, stack))
    else:
        report.print_table(results, Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH_OF_A_LOG))
    sys.exit(report.count(results, "fail") > 0)


def _run(stack: Stack, visit: Visit) -> list[report.Result]:
    remove_left_over(stack.kubectl)
    restore_left_over(stack)
    try:
        with step("check the stack", _USUAL_SECONDS) as progress:
            return report.run(all_checks(visit), stack, progress)
    finally:
        # The last check has done it, unless the user has stopped before. Then the next run says what was left.
        with suppress(CheckError, KubectlError):
            visit.leave()


def _administrator(stack: Stack, email: str | None, password_file: Path | None) -> Account | None:
    if email is None and password_file is None:
        return None
    if password_file is None:
        raise UsageError("--admin-email needs --admin-password-file")
    try:
        password = password_file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text file"
        raise UsageError(f"--admin-password-file {password_file}: {reason}") from error
    return Account(email=email or stack.administrator().email, password=password)


def _fail(message: str, exit_code: int) -> NoReturn:
    typer.secho(message, fg=typer.colors.RED, err=True)
    sys.exit(exit_code)


if __name__ == "__main__":
    application()
