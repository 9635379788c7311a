"""A cluster of kind, where Docker is: pods really run."""

import subprocess
from pathlib import Path

from ..console import notices, step
from ..errors import LocalError
from .choice import Cluster
from .simulation import is_ready


def up(name: str, kubeconfig: Path) -> tuple[Cluster, bool]:
    """The cluster of that name, and whether it is new and thus empty.

    Raises:
        LocalError: kind could not make it; says what kind said.
    """
    cluster = Cluster(kind="kind", name=name, kubeconfig=kubeconfig, context=f"kind-{name}")
    if name in _kind("get", "clusters").split():
        _kind("export", "kubeconfig", "--name", name, "--kubeconfig", str(kubeconfig))
        if is_ready(kubeconfig, cluster.context):
            return cluster, False
        notices.print(f"the cluster {name} does not answer any more: it is made anew, what it held is gone")
        delete(name, kubeconfig)
    with step("make a kind cluster", 60):
        _kind("create", "cluster", "--name", name, "--kubeconfig", str(kubeconfig), "--wait", "120s")
    return cluster, True


def delete(name: str, kubeconfig: Path) -> None:
    """Remove the cluster with all that is in it."""
    _kind("delete", "cluster", "--name", name, "--kubeconfig", str(kubeconfig))


def _kind(*arguments: str) -> str:
    done = subprocess.run(["kind", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise LocalError(f"kind {' '.join(arguments[:2])} failed:\n{done.stderr.strip()}")
    return done.stdout
