"""A control plane with simulated nodes: pods are admitted, scheduled and ready, but do not run."""

from pathlib import Path

import urllib3

from terminal.errors import LocalError
from terminal.invocation import command_line

from ..toolchain.go_programs import CONTROL_PLANE, KWOK
from . import control_plane, simulation
from .choice import Cluster
from .control_plane import ControlPlane

PLANE = ControlPlane(
    programs=(*CONTROL_PLANE, KWOK),
    components=frozenset(
        {"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok-controller"},
    ),
    flags=("--config", str(Path(__file__).with_name("stages.yaml"))),
)


def named(name: str, kubeconfig: Path) -> Cluster:
    """The cluster of that name, whether it exists or not; its kubeconfig is written to ``kubeconfig``."""
    return Cluster(kind="kwok", name=name, kubeconfig=kubeconfig, context=f"kwok-{name}")


def up(name: str, kubeconfig: Path) -> tuple[Cluster, bool]:
    """Start the cluster of that name: use the running one, restart a stopped one, or create it.

    Args:
        name: name of the cluster.
        kubeconfig: file to write its kubeconfig to.

    Returns:
        The cluster, and whether it is new and empty.

    Raises:
        LocalError: the cluster does not start; the message names its logs.
    """
    cluster = named(name, kubeconfig)
    new = control_plane.start(cluster, PLANE)
    try:
        simulation.prepare(kubeconfig, cluster.context)
    except urllib3.exceptions.HTTPError as error:
        raise LocalError(
            f"the control plane of {name} does not answer: {error}\n"
            f"Its logs: {control_plane.directory_of(name)}/logs. Start over with: {command_line('down')}"
        ) from error
    return cluster, new
