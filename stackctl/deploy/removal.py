"""Taking environments down."""

import json
import shutil

from pulumi import automation

from devcluster.clusters.choice import Cluster
from devcluster.clusters_in_use import cluster_of, orphaned_cluster, take_down
from host.directories import environment_directory, environments_in_use, state_directory
from pulumi_values.urns import resource_name
from stack_config.files import environments, stack_file
from terminal.console import results, step
from terminal.errors import LocalError
from terminal.invocation import command_line

from ..engine.environment import one_command_at_a_time
from ..engine.recovery import recover
from ..engine.run import engine_run, unprotect_first
from ..engine.workspace import deployed_stack, forget_state, has_state, run_pulumi


def down(environment: str | None) -> None:
    """Take down one environment, or all that `up` deployed from this machine.

    A cluster of this project is deleted with all its data. On a cluster of the user's the stack is destroyed; protected
    resources are refused.

    Raises:
        LocalError: something could not be removed; the message says what remains.
    """
    used = environments_in_use()
    if environment is None:
        names = [*used, *(name for name in environments() if name not in used and orphaned_cluster(name))]
    else:
        names = [environment]
        if environment not in used:
            stack_file(environment)
    failures: list[str] = []
    for name in names:
        try:
            with one_command_at_a_time(name):
                _take_down(name)
        except LocalError as error:
            failures.append(f"{name}: {error}")
    if failures:
        raise LocalError("\n".join(failures))
    if not names:
        results.print("nothing is up")


def clean() -> None:
    """Delete the clusters of this project and all state. A stack on a cluster of the user's stays, with its state.

    Raises:
        LocalError: something could not be removed; the message says what remains.
    """
    kept = [name for name in environments_in_use() if (cluster := cluster_of(name)) and cluster.kind == "context"]
    for name in environments_in_use():
        if name not in kept:
            down(name)
    if kept:
        destroy = command_line("down", env=kept[0])
        results.print(f"kept, because it is on a cluster of yours: {', '.join(kept)}. To destroy it: {destroy}")
    else:
        shutil.rmtree(state_directory())


def _take_down(environment: str) -> None:
    cluster = cluster_of(environment) or orphaned_cluster(environment)
    if cluster is None:
        results.print(f"{environment} is not up")
    elif cluster.kind == "context":
        _destroy(environment, cluster)
    else:
        with step(f"delete the cluster {cluster.name} with all its data"):
            take_down(cluster)
            forget_state(environment)
        results.print(f"[bold]{environment}[/bold] is down")
    shutil.rmtree(environment_directory(environment))


def _destroy(environment: str, cluster: Cluster) -> None:
    if not has_state(environment):
        results.print(f"{environment} has no resources on {cluster.context}")
        return
    stack = deployed_stack(environment, cluster, changes=True)
    recover(stack, cluster)
    _refuse_when_protected(stack)
    with engine_run("destroy", preview=False) as progress:
        stack.destroy(on_event=progress.on_event)
    stack.workspace.remove_stack(environment)
    results.print(f"[bold]{environment}[/bold] is destroyed: {progress.changes} deleted")


def _refuse_when_protected(stack: automation.Stack) -> None:
    # The engine also refuses, but only after it has deleted the resources before the first protected one.
    state = json.loads(run_pulumi(stack.workspace, "stack", "export", "--stack", stack.name))
    resources = state["deployment"].get("resources", [])
    if protected := [resource_name(resource["urn"]) for resource in resources if resource.get("protect")]:
        raise LocalError(f"nothing was deleted, {', '.join(protected)} are protected\n{unprotect_first()}")
