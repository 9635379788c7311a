"""What the commands do, one function each."""

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from pulumi import automation

from devcluster.clusters import node
from devcluster.clusters.choice import Cluster, user_contexts
from devcluster.clusters_in_use import bring_up, cluster_of, left_over, take_down
from devcluster.toolchain.go_programs import kubectl
from host.directories import environment_directory, environments_in_use, state_directory
from host.locks import exclusive
from host.signals import passed_to_the_engine
from stack_config.files import ENCRYPTED, environments, read_stack, stack_file
from stack_config.load import PROJECT, parse
from terminal.console import results, step
from terminal.errors import InterruptedByUserError, LocalError, UsageError

from ..adopt import command as adoption
from ..adopt import plan
from ..drift.differences import Drift, DriftError, drift_of, lines
from .preview_file import preview_to_file, written_whatever_happens
from .progress import Progress, resource_name
from .recovery import recover
from .workspace import Overrides, deployed_stack, forget_state, has_state, open_stack, run_pulumi

HIDDEN = "[secret]"
_KEPT = "What had been done before is kept; the next run goes on from there."
_MADE_EMPTY = ("auto", "kwok", "kind", "node")
_UNPROTECT = "What is protected is deleted only after: make up SET=protect=false"


def up(environment: str, asked_cluster: str, overrides: Overrides, *, refresh: bool = False) -> None:
    """Deploy an environment; print the outputs and what to do next.

    Args:
        environment: its name.
        asked_cluster: where.
        overrides: settings over the environment's.
        refresh: whether to look at the cluster first, so that what was changed there by hand is put back.

    Raises:
        ConfigError: the config is wrong; nothing was started.
        LocalError: a step failed; what had been deployed stays and the next `up` goes on.
    """
    _check_config(environment, overrides)
    with _alone(environment):
        cluster, stack = _prepared(environment, asked_cluster, overrides)
        with _engine_run("update", preview=False) as progress:
            result = stack.up(refresh=refresh, on_event=progress.on_event)
    changes = f"{progress.changes} changed" if progress.changes else "no changes"
    results.print(f"[bold]{environment}[/bold] is deployed to {cluster.context}: {changes}")
    for name, output in sorted(result.outputs.items()):
        results.print(f"  {name:<22} {HIDDEN if output.secret else output.value}", markup=False)
    _print_next_steps(environment, cluster, str(result.outputs["namespace"].value))


def preview(environment: str, asked_cluster: str, overrides: Overrides, json_file: Path | None = None) -> None:
    """Print what `up` would change.

    Args:
        environment: its name.
        asked_cluster: where.
        overrides: settings over the environment's.
        json_file: file for what `pulumi preview --json --show-sames` prints, written also when the preview fails.

    Raises:
        ConfigError: the config is wrong; nothing was started.
        LocalError: the preview failed, or the file cannot be written.
    """
    with written_whatever_happens(json_file):
        _check_config(environment, overrides)
        with _alone(environment):
            cluster, stack = _prepared(environment, asked_cluster, overrides)
            with _engine_run("preview", preview=True) as progress:
                if json_file:
                    preview_to_file(stack, json_file, progress.on_event)
                else:
                    stack.preview(on_event=progress.on_event)
    changes = f"{progress.changes} would change" if progress.changes else "no changes"
    results.print(f"[bold]{environment}[/bold] on {cluster.context}: {changes}")


def adopt(environment: str, asked_cluster: str, overrides: Overrides) -> None:
    """Take over what was deployed by hand under the stack's names; print what the next `up` would change.

    Only the state changes, and the strategy of a Deployment where an update could not change it; no pod restarts. What
    the stack has taken over already is left as it is, so that it can be run again.

    Raises:
        ConfigError: the config is wrong; nothing was started.
        LocalError: something cannot be taken over, or a step failed; says what to do.
        UsageError: no cluster was named and none is up.
    """
    _check_config(environment, overrides)
    if asked_cluster in _MADE_EMPTY and cluster_of(environment) is None:
        raise UsageError(
            f"CLUSTER={asked_cluster} would make an empty cluster, with nothing to take over.\n"
            f"Name the context of the cluster to look in: make adopt ENV={environment} CLUSTER=<context>\n"
            f"Contexts there: {', '.join(user_contexts()) or 'none'}."
        )
    with _alone(environment):
        cluster, stack = _prepared(environment, asked_cluster, overrides)
        with _engine_run("adoption", preview=True):
            _take_over(stack, cluster)
        with _engine_run("preview", preview=True) as progress:
            stack.preview(on_event=progress.on_event)
    results.print(f"[bold]{environment}[/bold] on {cluster.context}: {progress.changes} would change with: make up")


def _take_over(stack: automation.Stack, cluster: Cluster) -> None:
    resources = adoption.resources_of(stack)
    objects = adoption.Objects(cluster)
    found = objects.matching(each for each in resources if each.is_object and each.is_new)
    if not found:
        results.print("nothing to take over")
        return
    namespace = next(each for each in resources if each.is_object and each.inputs["kind"] == "Namespace")
    adoption.refuse(plan.obstacles(resources, found, objects.workloads(namespace.inputs["metadata"]["name"])))
    # First what the cluster may refuse: a state with half of it would be in the way of the next update.
    for resource in (each for each in resources if each.urn in found):
        if plan.becomes_recreate(resource, found[resource.urn]):
            objects.make_recreate(found[resource.urn])
            results.print(f"  changed                {resource.title}: strategy Recreate; its pods stay", markup=False)
    taken = adoption.take_over(stack, resources, found)
    for item in found.values():
        results.print(f"  taken over             {plan.title(item)}", markup=False)
    for name in taken:
        results.print(f"  taken over             {name}: the value that is in use", markup=False)
    for name in plan.left_out(resources, found):
        why = "the password that is in use has characters that a URL must escape; the next update sets a new one"
        results.print(f"  not taken over         {name}: {why}", markup=False)


def drift(environment: str) -> None:
    """Print what the cluster has otherwise than the state. Neither is changed.

    Raises:
        DriftError: something differs.
        LocalError: the environment has not been deployed, or the cluster could not be asked.
    """
    with _alone(environment):
        stack = deployed_stack(environment, _cluster(environment), changes=True)
        found = refreshed(stack)
    report_drift(environment, found, f"make up ENV={environment} REFRESH=1")


def refreshed(stack: automation.Stack) -> list[Drift]:
    """What differs between the state of a stack and its cluster, by resource.

    Raises:
        LocalError: the engine failed.
    """
    found: list[Drift] = []

    def take(event: automation.EngineEvent) -> None:
        progress.on_event(event)
        if one := drift_of(event):
            found.append(one)

    with _engine_run("comparison", preview=True) as progress:
        stack.preview_refresh(on_event=take, show_secrets=False)
    return sorted(found, key=lambda one: one.resource)


def report_drift(environment: str, found: Sequence[Drift], command: str) -> None:
    """Print a report.

    Raises:
        DriftError: there is something to report; says how to fix it.
    """
    for one in found:
        for line in lines(one):
            results.print(line, markup=False)
    if found:
        raise DriftError(
            f"{environment} has drifted: {len(found)} objects differ from the state, nothing was changed\n"
            f"To put the config back: {command}\nTo keep a change: write it into the config first"
        )
    results.print(f"[bold]{environment}[/bold]: no drift")


def outputs(environment: str, *, secrets: bool) -> None:
    """Print the stack's outputs as JSON.

    Raises:
        LocalError: the environment has not been deployed.
    """
    stack = deployed_stack(environment, _cluster(environment), changes=False)
    values = {
        name: HIDDEN if output.secret and not secrets else output.value for name, output in stack.outputs().items()
    }
    # Not by rich, which colours: this is for programs.
    print(json.dumps(values, indent=2, sort_keys=True))


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
    used = environments_in_use()
    if environment is None:
        names = [*used, *(name for name in environments() if name not in used and left_over(name))]
    else:
        names = [environment]
        if environment not in used:
            stack_file(environment)
    failures: list[str] = []
    for name in names:
        try:
            with _alone(name):
                _take_down(name)
        except LocalError as error:
            failures.append(f"{name}: {error}")
    if failures:
        raise LocalError("\n".join(failures))
    if not names:
        results.print("nothing is up")


def clean() -> None:
    """Take down the clusters of this project and remove all state. What is on a cluster of the user's stays, with it.

    Raises:
        LocalError: something could not be removed; says what is left.
    """
    kept = [name for name in environments_in_use() if (cluster := cluster_of(name)) and cluster.kind == "context"]
    for name in environments_in_use():
        if name not in kept:
            down(name)
    if kept:
        results.print(
            f"kept, since it is on a cluster of yours: {', '.join(kept)}. To destroy it: make down ENV={kept[0]}"
        )
    else:
        shutil.rmtree(state_directory())


def _take_down(environment: str) -> None:
    cluster = cluster_of(environment) or left_over(environment)
    if cluster is None:
        results.print(f"{environment} is not up")
    elif cluster.kind == "context":
        _destroy(environment, cluster)
    else:
        with step(f"delete the cluster {cluster.name} with all that is in it"):
            take_down(cluster)
            forget_state(environment)
        results.print(f"[bold]{environment}[/bold] is down")
    shutil.rmtree(environment_directory(environment))


def _destroy(environment: str, cluster: Cluster) -> None:
    if not has_state(environment):
        results.print(f"nothing of {environment} is on {cluster.context}")
        return
    stack = deployed_stack(environment, cluster, changes=True)
    recover(stack, cluster)
    _refuse_when_protected(stack)
    with _engine_run("destroy", preview=False) as progress:
        stack.destroy(on_event=progress.on_event)
    stack.workspace.remove_stack(environment)
    results.print(f"[bold]{environment}[/bold] is destroyed: {progress.changes} deleted")


def _refuse_when_protected(stack: automation.Stack) -> None:
    # The engine would refuse, too, but only when it has deleted what comes before the first protected resource.
    state = json.loads(run_pulumi(stack.workspace, "stack", "export", "--stack", stack.name))
    resources = state["deployment"].get("resources", [])
    if protected := [resource_name(resource["urn"]) for resource in resources if resource.get("protect")]:
        raise LocalError(f"nothing was deleted, {', '.join(protected)} are protected\n{_UNPROTECT}")


def _alone(environment: str) -> AbstractContextManager[None]:
    """One command at a time on an environment: two would start its cluster twice and write over each other's config."""
    return exclusive(f"environment-{environment}", f"works on {environment}")


@contextmanager
def _engine_run(what: str, *, preview: bool) -> Iterator[Progress]:
    """Show what the engine does, and turn its failure into a message.

    Raises:
        InterruptedByUserError: the user stopped it.
        LocalError: it failed.
    """
    with passed_to_the_engine() as interruption, Progress(results, preview=preview) as progress:
        try:
            yield progress
        except automation.CommandError as error:
            if interruption.happened:
                raise InterruptedByUserError(f"{what} stopped. {_KEPT}") from error
            raise LocalError(_failure(what, progress, error)) from error


def _check_config(environment: str, overrides: Overrides) -> None:
    """All mistakes in one report before anything is built or started, those included that the CLI would stop at."""
    config = read_stack(environment, ["kubeContext=checked-later", *overrides.sets])
    given = {f"{PROJECT}:{key}": ENCRYPTED for key in overrides.secret_files}
    parse({**config.values, **given}, config.secret_keys | given.keys())


def _prepared(environment: str, asked_cluster: str, overrides: Overrides) -> tuple[Cluster, automation.Stack]:
    cluster, new = bring_up(environment, asked_cluster)
    if new:
        forget_state(environment)
    stack = open_stack(environment, cluster, overrides)
    recover(stack, cluster)
    return cluster, stack


def _cluster(environment: str) -> Cluster:
    stack_file(environment)
    cluster = cluster_of(environment)
    if cluster is None:
        raise LocalError(f"{environment} is not up. Deploy it: make up ENV={environment}")
    return cluster


def _failure(what: str, progress: Progress, error: automation.CommandError) -> str:
    messages = progress.errors or [str(error)]
    unique = list(dict.fromkeys(message for message in messages if message != f"{what} failed"))
    after = {"preview": "", "destroy": f"\n{_UNPROTECT}\n{_KEPT}"}.get(what, f"\n{_KEPT}")
    return f"{what} failed\n" + "\n".join(unique or messages) + after


def _web_interface(cluster: Cluster, namespace: str) -> list[tuple[str, str]]:
    if cluster.kind != "node" or cluster.kubeconfig is None:
        return []
    return [("open in a browser", node.web_address(cluster.kubeconfig, cluster.context, namespace))]


def _print_next_steps(environment: str, cluster: Cluster, namespace: str) -> None:
    option = "" if environment == environments()[0] else f" ENV={environment}"
    # Where there is none on PATH, one was built for the cluster.
    program = "kubectl" if shutil.which("kubectl") or cluster.kind not in ("kwok", "node") else str(kubectl())
    where = f"--kubeconfig $(make -s kubeconfig{option})" if cluster.kubeconfig else f"--context {cluster.context}"
    steps: Sequence[tuple[str, str]] = (
        *_web_interface(cluster, namespace),
        ("see the pods", f"{program} {where} get pods -n {namespace}"),
        ("show passwords", f"make outputs{option} SECRETS=1"),
        ("take it down", f"make down{option}"),
    )
    results.print("Next:")
    for what, command in steps:
        results.print(f"  {what:<17} {command}", markup=False)
    if cluster.kind == "kwok":
        results.print("Pods are simulated here: admitted, scheduled and ready, but no container runs.")
