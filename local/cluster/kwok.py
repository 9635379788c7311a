"""A real control plane with simulated nodes, run by kwokctl: pods are admitted, scheduled and ready, but do not run."""

import os
import shutil
import subprocess
from pathlib import Path

import urllib3

from ..console import duration, notices, step
from ..directories import clusters_directory
from ..errors import LocalError
from ..locks import exclusive
from ..processes import end_all_from, running_from
from ..toolchain.go_programs import CONTROL_PLANE, KUBECTL, build, kubectl, missing
from . import simulation
from .choice import Cluster

START_SECONDS = 90
COMPONENTS = frozenset({"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok-controller"})


def named(name: str, kubeconfig: Path) -> Cluster:
    """The cluster of that name, whether it is there or not; its kubeconfig is written to ``kubeconfig``."""
    return Cluster(kind="kwok", name=name, kubeconfig=kubeconfig, context=f"kwok-{name}")


def up(name: str, kubeconfig: Path) -> tuple[Cluster, bool]:
    """The cluster of that name: the one that runs, the one that stood still, or a new one.

    Args:
        name: name of the cluster.
        kubeconfig: file to write its kubeconfig to.

    Returns:
        The cluster, and whether it is new and thus empty.

    Raises:
        LocalError: it does not start; says where its logs are.
    """
    cluster = named(name, kubeconfig)
    build_control_plane()
    # kwokctl takes ports that nobody listens on: two that look at the same time find the same ones.
    with exclusive("kwok", "start a cluster"):
        new = not is_running(cluster) and not _restarted(cluster)
        if new:
            with step("start a Kubernetes control plane with simulated nodes", 5):
                _create(cluster)
    try:
        simulation.prepare(kubeconfig, cluster.context)
    except urllib3.exceptions.HTTPError as error:
        raise LocalError(
            f"the control plane of {name} does not answer any more: {error}\n"
            f"Its logs: {_directory(name)}/logs. Start over with: make down"
        ) from error
    return cluster, new


def delete(name: str) -> None:
    """End every process of the cluster and remove what belongs to it. Needs nothing built, and nothing to be whole.

    Raises:
        LocalError: a process of it is still there.
    """
    directory = _directory(name)
    # Not by `kwokctl delete`: it takes its pid files at their word, though after a restart of the machine those numbers
    # may be another's, and leaves alone what a start that was cut short has left.
    if left := end_all_from(directory / "bin"):
        raise LocalError(f"processes of the cluster {name} are still there: {', '.join(map(str, left))}")
    if directory.exists():
        shutil.rmtree(directory)


def names() -> list[str]:
    """Names of the clusters that there are, running or not."""
    clusters = clusters_directory() / "clusters"
    return sorted(path.name for path in clusters.iterdir()) if clusters.is_dir() else []


def is_running(cluster: Cluster) -> bool:
    """Whether the whole control plane runs and answers."""
    kubeconfig = _kubeconfig(cluster)
    return (
        kubeconfig.exists()
        and set(running_from(_directory(cluster.name) / "bin").values()) >= COMPONENTS
        and simulation.is_ready(kubeconfig, cluster.context)
    )


def build_control_plane() -> None:
    """Build what is missing of the control plane's programs."""
    # kwokctl asks with kubectl whether the cluster is up, and would try to download it.
    programs = CONTROL_PLANE if shutil.which(KUBECTL.name) else (*CONTROL_PLANE, KUBECTL)
    if to_build := missing(programs):
        names = ", ".join(program.name for program in to_build)
        usual = duration(sum(program.usual_seconds for program in to_build))
        notices.print(
            f"Once on this machine: {names} are built from Go modules (usually {usual}). An interruption does no harm."
        )
    for program in to_build:
        build(program)


def _create(cluster: Cluster) -> None:
    programs = {program.name: str(build(program)) for program in CONTROL_PLANE}
    # fmt: off
    _kwokctl(
        "create", "cluster", "--name", cluster.name, "--runtime", "binary",
        "--kubeconfig", str(_kubeconfig(cluster)), "--wait", f"{START_SECONDS}s",
        "--etcd-binary", programs["etcd"],
        "--kube-apiserver-binary", programs["kube-apiserver"],
        "--kube-controller-manager-binary", programs["kube-controller-manager"],
        "--kube-scheduler-binary", programs["kube-scheduler"],
        "--kwok-controller-binary", programs["kwok"],
        "--kube-authorization=true", "--secure-port=true",
    )
    # fmt: on


def _restarted(cluster: Cluster) -> bool:
    """Whether a cluster that stood still, in part or whole, goes on with what it held."""
    if not _directory(cluster.name).exists():
        return False
    _remove_wrong_pid_files(cluster.name)
    try:
        with step(f"start again what does not run of the cluster {cluster.name}"):
            _kwokctl("start", "cluster", "--name", cluster.name, "--wait", f"{START_SECONDS}s")
        if is_running(cluster):
            return True
    except LocalError:
        pass
    notices.print(f"the cluster {cluster.name} does not start any more: it is made anew, what it held is gone")
    delete(cluster.name)
    return False


def _remove_wrong_pid_files(name: str) -> None:
    """Pid files whose number is now another's, or nobody's: kwokctl would take the component for a running one."""
    running = running_from(_directory(name) / "bin")
    for file in _directory(name).glob("pids/*.pid"):
        if running.get(int(file.read_text() or 0)) != file.stem:
            file.unlink()


def _kwokctl(*arguments: str) -> None:
    kwokctl = next(build(program) for program in CONTROL_PLANE if program.name == "kwokctl")
    command = [str(kwokctl), *arguments]
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([os.environ.get("PATH", os.defpath), str(kubectl().parent)]),
        "KWOK_WORKDIR": str(clusters_directory()),
        # What the cluster can do is otherwise noted in the user's ~/.kube.
        "KUBECACHEDIR": str(clusters_directory() / "kubectl-cache"),
    }
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise LocalError(
            f"kwokctl failed: {' '.join(arguments[:2])}\n{done.stdout.strip()}\n"
            f"Logs of the control plane: {clusters_directory()}/clusters/*/logs. Start over with: make down"
        )


def _kubeconfig(cluster: Cluster) -> Path:
    if cluster.kubeconfig is None:
        raise ValueError(f"{cluster.name} is no cluster of this project")
    return cluster.kubeconfig


def _directory(name: str) -> Path:
    return clusters_directory() / "clusters" / name
