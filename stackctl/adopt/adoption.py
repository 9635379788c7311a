"""Adopting a deployment: the steps, and what they print."""

from pulumi import automation

from devcluster.clusters.choice import Cluster, user_contexts
from devcluster.clusters_in_use import cluster_of
from terminal.console import results
from terminal.errors import UsageError
from terminal.invocation import command_line, option

from ..engine.environment import check_config, one_command_at_a_time, prepared_stack
from ..engine.run import engine_run
from ..options import Overrides
from . import plan
from .objects import Objects
from .state import refuse, resources_of, take_over

_CREATED_EMPTY = ("auto", "kwok", "kind", "node")


def adopt(environment: str, requested_cluster: str, overrides: Overrides) -> None:
    """Adopt objects that were deployed manually under the stack's names, and print what the next `up` would change.

    Only the state changes, and the strategy of a Deployment if an update cannot change it. No pod restarts. Objects
    that the stack has adopted already stay as they are: the command can be run again.

    Raises:
        ConfigError: the config is wrong; nothing was started.
        LocalError: an object cannot be adopted, or a step failed; the message contains the fix.
        UsageError: no cluster is named and none is up.
    """
    check_config(environment, overrides)
    if requested_cluster in _CREATED_EMPTY and cluster_of(environment) is None:
        command = command_line("adopt", env=environment, cluster="<context>")
        raise UsageError(
            f"{option('cluster', requested_cluster)} would create an empty cluster, with nothing to adopt.\n"
            f"Name the context of the cluster that has the deployment: {command}\n"
            f"Contexts: {', '.join(user_contexts()) or 'none'}."
        )
    with one_command_at_a_time(environment):
        cluster, stack = prepared_stack(environment, requested_cluster, overrides)
        with engine_run("adoption", preview=True):
            _adopt_objects(stack, cluster)
        with engine_run("preview", preview=True) as progress:
            stack.preview(on_event=progress.on_event)
    results.print(
        f"[bold]{environment}[/bold] on {cluster.context}: {progress.changes} would change with: {command_line('up')}"
    )


def _adopt_objects(stack: automation.Stack, cluster: Cluster) -> None:
    resources = resources_of(stack)
    objects = Objects(cluster)
    existing = objects.matching(each for each in resources if each.is_object and each.is_new)
    if not existing:
        results.print("nothing to adopt")
        return
    namespace = next(each for each in resources if each.is_object and each.inputs["kind"] == "Namespace")
    refuse(plan.obstacles(resources, existing, objects.workloads(namespace.inputs["metadata"]["name"])))
    # The changes that the cluster may refuse come first: a state with half of the objects would block the next update.
    for resource in (each for each in resources if each.urn in existing):
        if plan.becomes_recreate(resource, existing[resource.urn]):
            objects.make_recreate(existing[resource.urn])
            _line("changed", f"{resource.title}: strategy Recreate; its pods stay")
    secrets = take_over(stack, resources, existing)
    for item in existing.values():
        _line("adopted", plan.title(item))
    for name in secrets:
        _line("adopted", f"{name}: the value in use")
    for name in plan.left_out(resources, existing):
        reason = "the password in use has characters that a URL must escape; the next update sets a new one"
        _line("not adopted", f"{name}: {reason}")


def _line(outcome: str, subject: str) -> None:
    results.print(f"  {outcome:<22} {subject}", markup=False)
