"""What the commands do, one function each."""

import json
import shutil
from collections.abc import Sequence

from pulumi import automation

from stack_config.files import ENCRYPTED, environments, read_stack, stack_file
from stack_config.load import PROJECT, parse

from .cluster.choice import Cluster
from .clusters_in_use import bring_up, cluster_of, take_down
from .console import results, step
from .directories import environment_directory, environments_in_use
from .errors import LocalError
from .progress import Progress
from .recovery import recover
from .workspace import Overrides, has_state, open_stack

HIDDEN = "[secret]"


def up(environment: str, asked_cluster: str, overrides: Overrides) -> None:
    """Deploy an environment; print the outputs and what to do next.

    Raises:
        ConfigError: the config is wrong; nothing was started.
        LocalError: a step failed; what had been deployed stays and the next `up` goes on.
    """
    _check_config(environment, overrides)
    cluster, stack = _prepared(environment, asked_cluster, overrides)
    with Progress(results, preview=False) as progress:
        try:
            result = stack.up(on_event=progress.on_event)
        except automation.CommandError as error:
            raise LocalError(_failure("update", progress, error)) from error
    changes = f"{progress.changes} changed" if progress.changes else "no changes"
    results.print(f"[bold]{environment}[/bold] is deployed to {cluster.context}: {changes}")
    for name, output in sorted(result.outputs.items()):
        results.print(f"  {name:<22} {HIDDEN if output.secret else output.value}", markup=False)
    _print_next_steps(environment, cluster, str(result.outputs["namespace"].value))


def preview(environment: str, asked_cluster: str, overrides: Overrides) -> None:
    """Print what `up` would change.

    Raises:
        ConfigError: the config is wrong; nothing was started.
        LocalError: the preview failed.
    """
    _check_config(environment, overrides)
    cluster, stack = _prepared(environment, asked_cluster, overrides)
    with Progress(results, preview=True) as progress:
        try:
            stack.preview(on_event=progress.on_event)
        except automation.CommandError as error:
            raise LocalError(_failure("preview", progress, error)) from error
    changes = f"{progress.changes} would change" if progress.changes else "no changes"
    results.print(f"[bold]{environment}[/bold] on {cluster.context}: {changes}")


def outputs(environment: str, *, secrets: bool) -> None:
    """Print the stack's outputs as JSON.

    Raises:
        LocalError: the environment has not been deployed.
    """
    stack = _deployed(environment)
    values = {
        name: HIDDEN if output.secret and not secrets else output.value for name, output in stack.outputs().items()
    }
    results.print_json(json.dumps(values, sort_keys=True))


def kubeconfig(environment: str) -> None:
    """Print the path of the kubeconfig of an environment's cluster.

    Raises:
        LocalError: the environment has not been deployed, or is on a cluster of the user's own kubeconfig.
    """
    cluster = _cluster(environment)
    if not cluster.kubeconfig:
        raise LocalError(f"{environment} is on the context {cluster.context} of your own kubeconfig")
    results.print(str(cluster.kubeconfig), markup=False)


def down(environment: str | None) -> None:
    """Take down one environment, or all that `up` made on this machine.

    A cluster of this project goes with all that is in it. From a cluster of the user's the stack is destroyed, and what
    is protected is refused.

    Raises:
        LocalError: something could not be removed; says what is left.
    """
    if environment is not None:
        stack_file(environment)
    names = environments_in_use() if environment is None else [environment]
    for name in names:
        _take_down(name)
    if not names:
        results.print("nothing is up")


def _take_down(environment: str) -> None:
    cluster = cluster_of(environment)
    if cluster is None:
        results.print(f"{environment} is not up")
    elif cluster.kind == "context":
        _destroy(environment, cluster)
    else:
        with step(f"delete the cluster {cluster.name} with all that is in it"):
            _forget_state(environment, cluster)
            take_down(environment, cluster)
        results.print(f"[bold]{environment}[/bold] is down")
    shutil.rmtree(environment_directory(environment))


def _destroy(environment: str, cluster: Cluster) -> None:
    stack = open_stack(environment, cluster, Overrides(secret_files={}))
    with Progress(results, preview=False) as progress:
        try:
            stack.destroy(on_event=progress.on_event)
        except automation.CommandError as error:
            raise LocalError(
                _failure("destroy", progress, error)
                + "\nWhat is protected is deleted only after: make up with SET=protect=false"
            ) from error
    stack.workspace.remove_stack(environment)
    results.print(f"[bold]{environment}[/bold] is destroyed: {progress.changes} deleted")


def _check_config(environment: str, overrides: Overrides) -> None:
    """All mistakes in one report before anything is built or started, those included that the CLI would stop at."""
    config = read_stack(environment, ["kubeContext=checked-later", *overrides.sets])
    given = {f"{PROJECT}:{key}": ENCRYPTED for key in overrides.secret_files}
    parse({**config.values, **given}, config.secret_keys | given.keys())


def _prepared(environment: str, asked_cluster: str, overrides: Overrides) -> tuple[Cluster, automation.Stack]:
    cluster, new = bring_up(environment, asked_cluster)
    if new:
        _forget_state(environment, cluster)
    stack = open_stack(environment, cluster, overrides)
    recover(stack, cluster)
    return cluster, stack


def _forget_state(environment: str, cluster: Cluster) -> None:
    """Remove the state of a stack whose cluster is gone: nothing of what it speaks of is there."""
    if has_state(environment):
        stack = open_stack(environment, cluster, Overrides(secret_files={}))
        stack.workspace.remove_stack(environment, force=True)


def _deployed(environment: str) -> automation.Stack:
    return open_stack(environment, _cluster(environment), Overrides(secret_files={}))


def _cluster(environment: str) -> Cluster:
    stack_file(environment)
    cluster = cluster_of(environment)
    if cluster is None:
        raise LocalError(f"{environment} is not up. Deploy it: make up ENV={environment}")
    return cluster


def _failure(what: str, progress: Progress, error: automation.CommandError) -> str:
    messages = progress.errors or [str(error)]
    unique = list(dict.fromkeys(message for message in messages if message != f"{what} failed"))
    kept = "" if what == "preview" else "\nWhat had been done before is kept; the next run goes on from there."
    return f"{what} failed\n" + "\n".join(unique or messages) + kept


def _print_next_steps(environment: str, cluster: Cluster, namespace: str) -> None:
    option = "" if environment == environments()[0] else f" ENV={environment}"
    kubectl = (
        f"kubectl --kubeconfig $(make -s kubeconfig{option})"
        if cluster.kubeconfig
        else f"kubectl --context {cluster.context}"
    )
    steps: Sequence[tuple[str, str]] = (
        ("see the pods", f"{kubectl} get pods -n {namespace}"),
        ("show passwords", f"make outputs{option} SECRETS=1"),
        ("take it down", f"make down{option}"),
    )
    results.print("Next:")
    for what, command in steps:
        results.print(f"  {what:<16} {command}", markup=False)
    if cluster.kind == "kwok":
        results.print("Pods are simulated here: admitted, scheduled and ready, but no container runs.")
