"""Deploying an environment."""

import shutil
from collections.abc import Sequence

from devcluster.clusters import node
from devcluster.clusters.choice import Cluster
from devcluster.toolchain.go_programs import kubectl
from pulumi_values.special import SECRET
from stack_config.files import environments
from terminal.console import results
from terminal.invocation import command_line

from ..engine.environment import check_config, one_command_at_a_time, prepared_stack
from ..engine.run import engine_run
from ..options import Overrides


def up(environment: str, requested_cluster: str, overrides: Overrides, *, refresh: bool = False) -> None:
    """Deploy an environment; print the outputs and what to do next.

    Args:
        environment: its name.
        requested_cluster: value of CLUSTER.
        overrides: config over the environment's.
        refresh: whether to read the cluster first, so that manual changes there are reverted.

    Raises:
        ConfigError: the config is wrong; nothing was started.
        LocalError: a step failed; what was deployed stays, and the next `up` continues.
    """
    check_config(environment, overrides)
    with one_command_at_a_time(environment):
        cluster, stack = prepared_stack(environment, requested_cluster, overrides)
        with engine_run("update", preview=False) as progress:
            result = stack.up(refresh=refresh, on_event=progress.on_event)
    changes = f"{progress.changes} changed" if progress.changes else "no changes"
    results.print(f"[bold]{environment}[/bold] is deployed to {cluster.context}: {changes}")
    for name, output in sorted(result.outputs.items()):
        results.print(f"  {name:<22} {SECRET if output.secret else output.value}", markup=False)
    _print_next_steps(environment, cluster, str(result.outputs["namespace"].value))


def _print_next_steps(environment: str, cluster: Cluster, namespace: str) -> None:
    env = None if environment == environments()[0] else environment
    # A machine without kubectl has the one that was built for the cluster.
    program = "kubectl" if shutil.which("kubectl") or cluster.kind not in ("kwok", "node") else str(kubectl())
    kubeconfig = command_line("kubeconfig", env=env).replace("make ", "make -s ")
    target = f"--kubeconfig $({kubeconfig})" if cluster.kubeconfig else f"--context {cluster.context}"
    steps: Sequence[tuple[str, str]] = (
        *_web_interface(cluster, namespace),
        ("see the pods", f"{program} {target} get pods -n {namespace}"),
        ("show passwords", command_line("outputs", env=env, secrets=True)),
        ("take it down", command_line("down", env=env)),
    )
    results.print("Next:")
    for action, command in steps:
        results.print(f"  {action:<17} {command}", markup=False)
    if cluster.kind == "kwok":
        results.print("Pods are simulated here: admitted, scheduled and ready, but no container runs.")


def _web_interface(cluster: Cluster, namespace: str) -> list[tuple[str, str]]:
    if cluster.kind != "node" or cluster.kubeconfig is None:
        return []
    return [("open in a browser", node.web_address(cluster.kubeconfig, cluster.context, namespace))]
