"""The command line `stackctl`: its commands, and the exit code of each error.

The modules that are imported here declare options and help texts. A command imports its implementation when it runs:
`--help` and completion stay fast, and `up` does not import what `verify` needs.
"""

import errno
import os
import sys
from contextlib import suppress
from pathlib import Path

import typer

from terminal.errors import ExitCode, LocalError
from terminal.invocation import program

from .adopt.command import adopt
from .backup.command import backup, restore
from .deploy.command import clean, down, kubeconfig, outputs, preview, up
from .doctor.command import doctor
from .drift.command import drift
from .gate.command import gate
from .importing.command import import_data
from .init.command import init
from .recover.command import recover
from .render.command import manifests
from .scan.command import scan
from .status.command import status
from .upgrading.command import upgrade_database
from .variables.command import variables
from .verify.command import verify

_GROUPS = {
    "Deploy": (init, up, preview, down, outputs, kubeconfig, adopt, drift),
    "Operate": (status, doctor, verify, restore, recover, upgrade_database),
    "Review": (manifests, gate, scan),
    "Clean up": (clean,),
}

app = typer.Typer(
    name="stackctl",
    no_args_is_help=True,
    # A trace with the values of variables would show secrets.
    pretty_exceptions_enable=False,
    help="Deploy and operate Open WebUI Stack.",
    epilog="Exit codes: 0 done; 1 failed, or a check does not pass; 2 wrong usage, nothing to check, (drift) the "
    "cluster differs, or (status, doctor) something is wrong; 130 interrupted.",
)
for panel, commands in _GROUPS.items():
    for command in commands:
        app.command(rich_help_panel=panel)(command)
app.command("import", rich_help_panel="Operate")(import_data)
app.add_typer(backup, name="backup", rich_help_panel="Operate")
app.add_typer(variables, name="variables", rich_help_panel="Review")


def main() -> None:
    """Run the command of this process's arguments, and end the process with its exit code."""
    from host.signals import as_ctrl_c

    # Go and Pulumi do not read the user database: without HOME they have no home directory.
    with suppress(RuntimeError):
        os.environ.setdefault("HOME", str(Path.home()))
    try:
        with as_ctrl_c():
            app(prog_name=program())
    except SystemExit as end:
        if end.code == ExitCode.INTERRUPTED:
            typer.echo("interrupted. To continue, run the same command again", err=True)
        raise
    except Exception as error:
        exit_code = exit_code_of(error)
        if exit_code is None:
            raise
        typer.secho(_message(error), fg=typer.colors.RED, err=True)
        sys.exit(exit_code)


def exit_code_of(error: Exception) -> ExitCode | None:
    """The exit code of an error that the operator can act on; None for any other error, which is a defect of the
    program."""
    if isinstance(error, LocalError):
        return error.exit_code
    if isinstance(error, OSError):
        return ExitCode.FAILED
    # The Pulumi program starts faster without this project's other packages, so its errors are mapped here.
    from pulumi import RunError

    from stack_config.files import StackFileError

    if isinstance(error, StackFileError):
        return ExitCode.USAGE
    return ExitCode.FAILED if isinstance(error, RunError) else None


def _message(error: Exception) -> str:
    """The message of an error. For an error of the operating system: the reason and the file."""
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    place = f"{error.filename}: " if error.filename is not None else ""
    is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    remedy = "\nFree some space and run the same command again: it continues from there" if is_full else ""
    return f"{place}{error.strerror}{remedy}"
