"""A cluster of kind, where Docker is: pods really run."""

import subprocess
from pathlib import Path

from terminal.console import notices, step
from terminal.errors import LocalError

from .api import is_ready
from .choice import Cluster


def named(name: str, kubeconfig: Path) -> Cluster:
    """The cluster of that name, whether it is there or not; its kubeconfig is written to ``kubeconfig``."""
    return Cluster(kind="kind", name=name, kubeconfig=kubeconfig, context=f"kind-{name}")


def up(name: str, kubeconfig: Path) -> tuple[Cluster, bool]:
    """The cluster of that name: the one that runs, or a new one.

    Returns:
        The cluster, and whether it is new and thus empty.

    Raises:
        LocalError: kind could not make it; says what kind said.
    """
    cluster = named(name, kubeconfig)
    if name in _kind("get", "clusters").split():
        _kind("export", "kubeconfig", *_arguments(cluster))
        if is_ready(kubeconfig, cluster.context):
            return cluster, False
        notices.print(f"the cluster {cluster.name} does not answer any more: it is made anew, what it held is gone")
        delete(cluster)
    with step("make a kind cluster", 60):
        _kind("create", "cluster", *_arguments(cluster), "--wait", "120s")
    return cluster, True


def delete(cluster: Cluster) -> None:
    """Remove the cluster with all that is in it."""
    _kind("delete", "cluster", *_arguments(cluster))


def _arguments(cluster: Cluster) -> tuple[str, ...]:
    return "--name", cluster.name, "--kubeconfig", str(cluster.kubeconfig)


def _kind(*arguments: str) -> str:
    done = subprocess.run(["kind", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise LocalError(f"kind {' '.join(arguments[:2])} failed:\n{done.stderr.strip()}")
    return done.stdout
