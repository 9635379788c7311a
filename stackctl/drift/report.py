"""The report on what differs in the cluster from the last update."""

from collections.abc import Sequence

from pulumi import automation

from terminal.console import results
from terminal.invocation import command_line

from ..engine.environment import cluster_in_use, one_command_at_a_time
from ..engine.run import engine_run
from ..engine.workspace import deployed_stack
from .differences import Drift, DriftError, drift_of, lines


def drift(environment: str) -> None:
    """Print which objects differ from the last update. State and cluster stay as they are.

    Raises:
        DriftError: something differs.
        LocalError: the environment is not deployed, or the cluster does not answer.
    """
    with one_command_at_a_time(environment):
        stack = deployed_stack(environment, cluster_in_use(environment), changes=True)
        drifts = refreshed(stack)
    report_drift(environment, drifts, command_line("up", env=environment, refresh=True))


def refreshed(stack: automation.Stack) -> list[Drift]:
    """The objects of the cluster that differ from the state of a stack, by resource.

    Raises:
        LocalError: the engine failed.
    """
    drifts: list[Drift] = []

    def take(event: automation.EngineEvent) -> None:
        progress.on_event(event)
        if one := drift_of(event):
            drifts.append(one)

    with engine_run("comparison", preview=True) as progress:
        stack.preview_refresh(on_event=take, show_secrets=False)
    return sorted(drifts, key=lambda one: one.resource)


def report_drift(environment: str, drifts: Sequence[Drift], command: str) -> None:
    """Print the drifts.

    Args:
        environment: its name.
        drifts: to print.
        command: the command that reverts them.

    Raises:
        DriftError: there are drifts; the message says how to fix them.
    """
    for one in drifts:
        for line in lines(one):
            results.print(line, markup=False)
    if drifts:
        raise DriftError(
            f"{environment} has drifted: {len(drifts)} objects differ from the state, nothing was changed\n"
            f"To put the config back: {command}\nTo keep a change: write it into the config first"
        )
    results.print(f"[bold]{environment}[/bold]: no drift")
