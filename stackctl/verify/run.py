"""One run of the checks: finds the stack, checks it, prints the report."""

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from host.signals import announced_stop
from terminal.console import step, tables
from terminal.errors import UsageError, nothing_checked

from ..deployed.check import CheckError
from ..deployed.kubectl import KubectlError
from ..deployed.scaling import restore_orphaned
from ..deployed.stack import Account, Stack
from ..deployed.target import find_stack
from ..options import Target, secret_from
from . import report
from .checks import all_checks
from .client_pod import remove_orphans
from .page import clear, drawn, page
from .visit import Visit

_USUAL_SECONDS = 90


def verify(target: Target, *, email: str | None, password_file: Path | None, json: bool, html: Path | None) -> bool:
    """Check a stack and print the report. Returns whether no check fails.

    Args:
        target: the stack.
        email: of an administrator; None for the one in the stack's Secret.
        password_file: file with the administrator's password; None for the one in the stack's Secret.
        json: whether to print JSON.
        html: file for the report as a page; None for no page.

    Raises:
        NothingCheckedError: there is no such stack, or the cluster does not answer.
    """
    with nothing_checked(), announced_stop("removing what was created in the cluster"):
        if html:
            clear(html)
        stack = find_stack(target)
        results = _run(stack, Visit(_administrator(stack, email, password_file)))
    if json:
        print(report.as_json(results, stack))
    else:
        report.print_table(results, tables())
    if html:
        _write(html, results, stack)
    return report.count(results, "fail") == 0


def _write(file: Path, results: list[report.Result], stack: Stack) -> None:
    kubectl = stack.kubectl
    now = datetime.now(UTC)
    file.write_text(page(results, drawn(stack), namespace=kubectl.namespace, context=kubectl.context, at=now))


def _run(stack: Stack, visit: Visit) -> list[report.Result]:
    remove_orphans(stack.kubectl)
    restore_orphaned(stack)
    try:
        with step("check the stack", _USUAL_SECONDS) as progress:
            return report.run(all_checks(visit), stack, progress)
    finally:
        # The last check removes everything, unless the user stopped the run. Then the next run removes what remains.
        with suppress(CheckError, KubectlError):
            visit.leave()


def _administrator(stack: Stack, email: str | None, password_file: Path | None) -> Account | None:
    if email is None and password_file is None:
        return None
    if password_file is None:
        raise UsageError("--admin-email needs --admin-password-file")
    password = secret_from(password_file, f"--admin-password-file {password_file}")
    return Account(email=email or stack.administrator().email, password=password)
