"""The steps of an upgrade and their messages."""

from pulumi import automation

from components.backup.names import APP as BACKUP
from host.signals import announced_stop
from terminal.console import step
from terminal.errors import LocalError, UsageError
from terminal.invocation import command_line, option

from ..deployed.backup_jobs import run_job
from ..deployed.stack import Stack
from ..deployed.target import find_stack
from ..engine.environment import cluster_in_use, one_command_at_a_time
from ..engine.run import engine_run
from ..engine.workspace import deployed_stack, run_pulumi
from ..options import Target
from .server import Server, check_undo, check_upgrade, read_server

_BACKUP_SECONDS = 60
_FROM, _UNDO = "postgresql.upgrade.fromImage", "postgresql.upgrade.undo"


def upgrade(target: Target, image: str, *, undo: bool, confirmed: bool) -> None:
    """Upgrade the data, or go back to those from before.

    A stack that `up` deployed is updated here. For any other stack, it makes a backup and prints the commands of
    `pulumi`.

    Args:
        target: the stack.
        image: of the release that the server gets.
        undo: whether to go back.
        confirmed: whether to do it.

    Raises:
        UsageError: the upgrade is not possible, or not confirmed: the message describes the steps.
        LocalError: a step failed; the message names the data and image that the server uses now.
    """
    with announced_stop("removing what was created in the cluster"):
        stack = find_stack(target)
        server = read_server(stack)
        (check_undo if undo else check_upgrade)(server, image)
        changes = _changes(server, image, undo=undo)
        is_backed_up = _has_backups(stack)
        if not confirmed:
            raise UsageError(_intention(server, image, changes, undo=undo, is_backed_up=is_backed_up))
        if is_backed_up:
            with step("dump the database and prove the dump", _BACKUP_SECONDS) as progress:
                print(run_job(stack, ["run"], begin=progress).check().lines[-1])
    if target.context or target.kubeconfig:
        print("\n".join(("Now, with the stack selected:", *_commands(changes), "pulumi up")))
        return
    _deploy(target.environment, changes, server)
    after = read_server(stack)
    print(f"PostgreSQL {after.major} serves, with {after.image}. Kept on the volume: {', '.join(after.kept)}")
    print("\n".join(("Keep it in the stack's config:", *_commands(changes))))


def _changes(server: Server, image: str, *, undo: bool) -> dict[str, str | None]:
    """Config keys and their values; None for one that is removed."""
    if undo:
        return {"postgresql.image": image, _FROM: None, _UNDO: str(server.major)}
    return {"postgresql.image": image, _FROM: server.image, _UNDO: None}


def _commands(changes: dict[str, str | None]) -> list[str]:
    return [
        f"  pulumi config set --path {key} {value}" if value is not None else f"  pulumi config rm --path {key}"
        for key, value in changes.items()
    ]


def _has_backups(stack: Stack) -> bool:
    return bool(stack.kubectl.run("get", "cronjob", BACKUP, "--ignore-not-found", "-o", "name").strip())


def _intention(server: Server, image: str, changes: dict[str, str | None], *, undo: bool, is_backed_up: bool) -> str:
    if undo:
        what = (
            f"This would stop PostgreSQL {server.major} and start {image} on the data from before the upgrade.\n"
            f"Rows written since then are not in them; they stay on the volume.\n"
        )
    else:
        what = (
            f"This would upgrade {server.mebibytes} MiB from PostgreSQL {server.major} ({server.image}) to {image}:\n"
            "  the pod dumps every database, restores the dump, compares every table, and keeps the old data\n"
            f"  directory. The volume needs {server.needed} MiB; {server.free} MiB are free.\n"
        )
    backup = "First the database is dumped to the volume of the backups.\n" if is_backed_up else "Backups are off.\n"
    config = "\n".join(_commands(changes))
    return (
        f"{what}The service is interrupted until the server runs again.\n{backup}The config that changes:\n{config}\n"
        f"Nothing was changed. To do it: add {option('yes')}"
    )


def _deploy(environment: str, changes: dict[str, str | None], server: Server) -> None:
    """Update the stack that `up` deployed with the changed config."""
    with one_command_at_a_time(environment):
        stack = deployed_stack(environment, cluster_in_use(environment), changes=True)
        _set(stack, environment, changes)
        try:
            with engine_run("update", preview=False) as progress:
                stack.up(on_event=progress.on_event)
        except LocalError as error:
            back = command_line("up", env=environment)
            raise LocalError(
                f"{error}\nThe data of PostgreSQL {server.major} are kept. To go back to {server.image}: {back}"
            ) from error


def _set(stack: automation.Stack, environment: str, changes: dict[str, str | None]) -> None:
    for key, value in changes.items():
        words = ("set", "--path", key, value) if value is not None else ("rm", "--path", key)
        run_pulumi(stack.workspace, "config", *words, "--stack", environment)
