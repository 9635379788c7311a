"""A kind cluster, if Docker is available: pods really run."""

import subprocess
from pathlib import Path

from terminal.console import notices, step
from terminal.errors import LocalError

from .api import is_ready
from .choice import Cluster


def named(name: str, kubeconfig: Path) -> Cluster:
    """The cluster of that name, whether it exists or not; its kubeconfig is written to ``kubeconfig``."""
    return Cluster(kind="kind", name=name, kubeconfig=kubeconfig, context=f"kind-{name}")


def up(name: str, kubeconfig: Path) -> tuple[Cluster, bool]:
    """Start the cluster of that name, or use the one that runs.

    Returns:
        The cluster, and whether it is new and empty.

    Raises:
        LocalError: kind failed; the message contains its output.
    """
    cluster = named(name, kubeconfig)
    if name in _kind("get", "clusters").split():
        _kind("export", "kubeconfig", *_arguments(cluster))
        if is_ready(kubeconfig, cluster.context):
            return cluster, False
        notices.print(f"the cluster {cluster.name} does not answer: creating it again, its objects are lost")
        delete(cluster)
    with step("create a kind cluster", 60):
        _kind("create", "cluster", *_arguments(cluster), "--wait", "120s")
    return cluster, True


def delete(cluster: Cluster) -> None:
    """Delete the cluster with everything in it."""
    _kind("delete", "cluster", *_arguments(cluster))


def _arguments(cluster: Cluster) -> tuple[str, ...]:
    return "--name", cluster.name, "--kubeconfig", str(cluster.kubeconfig)


def _kind(*arguments: str) -> str:
    done = subprocess.run(["kind", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise LocalError(f"kind {' '.join(arguments[:2])} failed:\n{done.stderr.strip()}")
    return done.stdout
