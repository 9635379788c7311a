"""Backing up, listing and restoring: the steps and their messages."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rich.table import Table

from components.backup.names import BUCKET_CONTAINER
from host.signals import announced_stop
from terminal.console import step, tables
from terminal.errors import UsageError
from terminal.invocation import option

from ..deployed.backup_jobs import Step, cron_job, has_bucket, has_external_database, run_job
from ..deployed.stack import Stack
from ..deployed.target import find_stack
from ..deployed.web_pods import stopped
from ..options import Target
from .dumps import BackupSet, Dump, choose, choose_set, read_list, read_sets

_LAST_LINES = 5
_USUAL_SECONDS = 30


def run(target: Target) -> None:
    """Make a backup now, and prove it.

    Raises:
        LocalError: it failed; the message is the end of its log.
    """
    with _stack(target) as stack:
        with step("dump the database and restore the dump into a private server", _USUAL_SECONDS) as progress:
            outcome = run_job(stack, ["run"], begin=progress).check()
        _print(outcome.lines[-_LAST_LINES:])


def list_dumps(target: Target) -> None:
    """Print the dumps, the newest first, the free space of their volume, and the sets in the bucket.

    Raises:
        LocalError: the volume or the bucket cannot be read.
    """
    with _stack(target) as stack:
        lines = _list(stack, bucket=has_bucket(cron_job(stack)))
        table = Table(box=None, pad_edge=False)
        for heading in ("dump", "made", "MiB", "contents"):
            table.add_column(heading, no_wrap=True, justify="right" if heading == "MiB" else "left")
        for dump in read_list(lines):
            made = f"{dump.made:%Y-%m-%d %H:%M:%S} UTC" if dump.made else ""
            table.add_row(dump.name, made, f"{dump.size / 2**20:.1f}", dump.contents)
        tables().print(table)
        _print(line.removeprefix("backup: ") for line in lines if line.startswith("backup: volume: "))
        for each in read_sets(lines):
            print(f"set {each.path}  {each.size / 2**20:.1f} MiB  {each.contents}")
        _print(line.removeprefix("backup: ") for line in lines if line.startswith("backup: bucket: "))


def restore(target: Target, name: str, *, confirmed: bool, safety_dump: bool) -> None:
    """Replace the contents of the database by a dump.

    Args:
        target: the stack.
        name: of the dump, or ``newest``.
        confirmed: whether to do it.
        safety_dump: whether to dump the present contents first.

    Raises:
        UsageError: there is no such dump, or it is not confirmed: the message says what would be done.
        LocalError: it failed; the message says what the database holds now.
    """
    with _stack(target) as stack:
        dump = choose(read_list(_list(stack)), name)
        if not confirmed:
            raise UsageError(_intention(dump, stack, safety_dump=safety_dump))
        arguments = ["restore", dump.name, *([] if safety_dump else ["no-safety-dump"])]
        with stopped(stack) as replicas, step(f"restore {dump.name}", _USUAL_SECONDS) as progress:
            outcome = run_job(stack, arguments, begin=progress).check()
        _print((*outcome.lines, f"{replicas} web pods are ready again."))


def restore_from_bucket(
    target: Target, name: str, *, confirmed: bool, safety_dump: bool, uploads: bool, age_identity: str | None
) -> None:
    """Replace the contents of the database by a set in the bucket, and write its uploaded files.

    Args:
        target: the stack.
        name: of the set, or ``newest``.
        confirmed: whether to do it.
        safety_dump: whether to dump the present contents first.
        uploads: whether to restore the uploaded files.
        age_identity: private key of age, for an encrypted set.

    Raises:
        UsageError: there is no bucket or no such set, or it is not confirmed: the message says what would be done.
        LocalError: it failed; the message says what the database holds now.
    """
    with _stack(target) as stack:
        if not has_bucket(cron_job(stack)):
            raise UsageError(
                "the backups of this stack have no bucket. Nothing was changed.\n"
                "Set it: pulumi config set --path backup.s3.bucket <bucket>; pulumi up"
            )
        chosen = choose_set(read_sets(_list(stack, bucket=True)), name)
        if not confirmed:
            raise UsageError(_intention(chosen, stack, safety_dump=safety_dump))
        fetch = Step(container=BUCKET_CONTAINER, arguments=("fetch", chosen.path, *([] if uploads else ["no-uploads"])))
        files = Step(container=BUCKET_CONTAINER, arguments=("uploads", chosen.path), writes_uploads=True)
        arguments = ["restore", f"{chosen.name}.dump", *([] if safety_dump else ["no-safety-dump"])]
        with stopped(stack) as replicas, step(f"restore {chosen.name}", _USUAL_SECONDS) as progress:
            outcome = run_job(
                stack,
                arguments,
                before=[fetch],
                after=[files] if uploads else [],
                age_identity=age_identity,
                begin=progress,
            ).check()
        _print((*outcome.lines, f"{replicas} web pods are ready again."))


def _list(stack: Stack, *, bucket: bool = False) -> tuple[str, ...]:
    what = "the volume and the bucket" if bucket else "the volume"
    after = [Step(container=BUCKET_CONTAINER, arguments=("list",))] if bucket else []
    with step(f"read {what} of the backups", 5) as progress:
        return run_job(stack, ["list"], after=after, begin=progress).check().lines


def _intention(chosen: Dump | BackupSet, stack: Stack, *, safety_dump: bool) -> str:
    contents = "are dumped first and kept" if safety_dump else "are LOST"
    others = (
        "\nObjects of other roles in the database stay. If one depends on a table of Open WebUI, nothing changes."
        if has_external_database(cron_job(stack))
        else ""
    )
    files = "\nUploaded files that are missing are written; none is removed." if isinstance(chosen, BackupSet) else ""
    return (
        f"This would stop every web pod of {stack.kubectl.namespace} and replace the contents of the database by\n"
        f"  {chosen.name} {chosen.contents}{files}{others}\n"
        f"The present contents {contents}. Nothing was changed. To restore: add {option('yes')}"
    )


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)


@contextmanager
def _stack(target: Target) -> Iterator[Stack]:
    """The deployed stack. On a signal to stop, prints a message while the body removes its Job and starts the web
    pods."""
    with announced_stop("removing what was created in the cluster"):
        yield find_stack(target)
