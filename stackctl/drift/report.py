"""The report on what differs in the cluster from the last update."""

import time
from collections.abc import Sequence
from pathlib import Path

from pulumi import automation

from stack_config.files import stack_file
from terminal.console import results
from terminal.invocation import command_line

from ..deployed.target import configured_namespace, namespace_in
from ..engine.environment import cluster_in_use, one_command_at_a_time
from ..engine.run import engine_run
from ..engine.workspace import deployed_stack
from .differences import Comparison, Drift, DriftError, drift_of, in_order, lines
from .events import comparison_in
from .metrics import metrics_text, require_writable, write_metrics


def drift(environment: str, *, events: Path | None = None, metrics: Path | None = None) -> None:
    """Print which objects differ from the last update. State and cluster stay as they are.

    Args:
        environment: its name.
        events: file with the events of a refresh that pulumi made; None to compare the stack of this machine.
        metrics: file for the result as metrics. A comparison that fails does not change it.

    Raises:
        DriftError: something differs.
        UsageError: a file cannot be read or written.
        LocalError: the environment is not deployed, or the cluster does not answer.
    """
    own_file = stack_file(environment)
    if metrics:
        require_writable(metrics)
    if events:
        comparison = comparison_in(events, environment)
        # Not what `up` last used on this machine: that is another stack of this name.
        namespace = namespace_in(own_file)
        fix = f"pulumi up --refresh --stack {environment}"
    else:
        comparison = _compared(environment)
        namespace = configured_namespace(environment)
        fix = command_line("up", env=environment, refresh=True)
    if metrics:
        write_metrics(metrics, metrics_text(comparison, environment=environment, namespace=namespace))
    report_drift(environment, comparison.drifts, fix)


def _compared(environment: str) -> Comparison:
    with one_command_at_a_time(environment):
        stack = deployed_stack(environment, cluster_in_use(environment), changes=True)
        drifts = refreshed(stack)
    return Comparison(drifts=drifts, ended=int(time.time()))


def refreshed(stack: automation.Stack) -> tuple[Drift, ...]:
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
    return in_order(drifts)


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
