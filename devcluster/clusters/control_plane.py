"""A real Kubernetes control plane on this machine, run by kwokctl: the nodes are another's."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from host.directories import clusters_directory, write
from host.locks import exclusive
from host.processes import directories_below, end_all_from, running_from
from terminal.console import duration, notices, step
from terminal.errors import LocalError
from terminal.invocation import command_line

from ..toolchain.go_programs import KUBECTL, KWOKCTL, GoProgram, build, kubectl, missing
from .api import is_ready
from .choice import Cluster

START_SECONDS = 90
_INSTALL_SECONDS = 60
_ATTEMPTS = 3
_TAKEN = "address already in use"


@dataclass(frozen=True, kw_only=True)
class ControlPlane:
    """What a control plane consists of."""

    programs: tuple[GoProgram, ...]
    """All that is needed to run it, kwokctl itself included."""

    components: frozenset[str]
    """Names of the processes that run when it is up."""

    flags: tuple[str, ...] = ()
    """More flags for `kwokctl create cluster`."""


def start(cluster: Cluster, plane: ControlPlane) -> bool:
    """Start a control plane, or what does not run of it.

    Returns:
        Whether it is new and thus empty.

    Raises:
        LocalError: it does not start; says where its logs are.
    """
    build_programs(plane.programs)
    # kwokctl takes ports that nobody listens on: two that look at the same time find the same ones.
    with exclusive("kwok", "starts a cluster"):
        _put_kubeconfig_back(cluster)
        new = not is_running(cluster, plane) and not _restarted(cluster, plane)
        if new:
            with step("start a Kubernetes control plane", 5):
                _make(cluster, plane)
    return new


def delete(name: str) -> None:
    """End every process of the cluster and remove what belongs to it. Needs nothing built, and nothing to be whole.

    Raises:
        LocalError: a process of it is still there.
    """
    directory = directory_of(name)
    # Not by `kwokctl delete`: it takes its pid files at their word, though after a restart of the machine those numbers
    # may be another's, and leaves alone what a start that was cut short has left.
    if left := end_all_from(directory / "bin"):
        raise LocalError(f"processes of the cluster {name} are still there: {', '.join(map(str, left))}")
    if directory.exists():
        shutil.rmtree(directory)


def names() -> list[str]:
    """Names of the clusters that there are, running or not; one that runs is there without its directory, too."""
    clusters = clusters_directory() / "clusters"
    kept = {path.name for path in clusters.iterdir()} if clusters.is_dir() else set()
    return sorted(kept | {directory.relative_to(clusters).parts[0] for directory in directories_below(clusters)})


def is_running(cluster: Cluster, plane: ControlPlane) -> bool:
    """Whether the whole control plane runs and answers."""
    kubeconfig = _kubeconfig(cluster)
    return (
        kubeconfig.exists()
        and set(running_from(directory_of(cluster.name) / "bin").values()) >= plane.components
        and is_ready(kubeconfig, cluster.context)
    )


def build_programs(programs: tuple[GoProgram, ...]) -> None:
    """Build what is missing of these programs, and kubectl where there is none."""
    # kwokctl asks with kubectl whether the cluster is up, and would try to download it.
    needed = programs if shutil.which(KUBECTL.name) else (*programs, KUBECTL)
    if to_build := missing(needed):
        names = ", ".join(program.name for program in to_build)
        usual = duration(sum(program.usual_seconds for program in to_build))
        notices.print(
            f"Once on this machine: {names} are built from Go modules (usually {usual}). An interruption does no harm."
        )
    for program in to_build:
        build(program)


def _make(cluster: Cluster, plane: ControlPlane) -> None:
    """Make a cluster anew, once more with other ports when somebody else has taken one of them in the meantime.

    The lock keeps out nobody with another cache directory, and kwokctl does not wait for a component that has ended.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        # What a start that was cut short has left, or a cluster whose directory was removed while it ran.
        delete(cluster.name)
        problem = _problem_of_creation(cluster, plane)
        if problem is None:
            return
        if attempt == _ATTEMPTS or not _lost_a_port(cluster):
            raise problem
    raise AssertionError("the last attempt has returned or raised")


def _problem_of_creation(cluster: Cluster, plane: ControlPlane) -> LocalError | None:
    try:
        _create(cluster, plane)
    except LocalError as error:
        return error
    if is_running(cluster, plane):
        return None
    running = running_from(directory_of(cluster.name) / "bin").values()
    ended = ", ".join(sorted(plane.components - set(running))) or "the API server does not answer"
    return LocalError(
        f"the control plane of {cluster.name} is not whole: {ended}\n"
        f"Its logs: {directory_of(cluster.name)}/logs. Start over with: {command_line('down')}"
    )


def _lost_a_port(cluster: Cluster) -> bool:
    logs = (directory_of(cluster.name) / "logs").glob("*.log")
    return any(_TAKEN in log.read_text(errors="replace") for log in logs)


def _put_kubeconfig_back(cluster: Cluster) -> None:
    """kwokctl has one of its own. A cluster whose other one was removed would be taken for one that does not start."""
    own = directory_of(cluster.name) / "kubeconfig.yaml"
    if own.exists() and not _kubeconfig(cluster).exists():
        write(_kubeconfig(cluster), own.read_text())


def _create(cluster: Cluster, plane: ControlPlane) -> None:
    programs = {program.name: str(build(program)) for program in plane.programs}
    simulated = ("--kwok-controller-binary", programs["kwok"]) if "kwok" in programs else ()
    # fmt: off
    _kwokctl(
        "create", "cluster", "--name", cluster.name, "--runtime", "binary",
        "--kubeconfig", str(_kubeconfig(cluster)), "--wait", f"{START_SECONDS}s",
        "--etcd-binary", programs["etcd"],
        "--kube-apiserver-binary", programs["kube-apiserver"],
        "--kube-controller-manager-binary", programs["kube-controller-manager"],
        "--kube-scheduler-binary", programs["kube-scheduler"],
        "--kube-authorization=true", "--secure-port=true", *simulated, *plane.flags,
    )
    # fmt: on


def _restarted(cluster: Cluster, plane: ControlPlane) -> bool:
    """Whether a cluster that stood still, in part or whole, goes on with what it held."""
    if not _is_installed(cluster, plane):
        return False
    _remove_wrong_pid_files(cluster.name)
    try:
        with step(f"start again what does not run of the cluster {cluster.name}"):
            _kwokctl("start", "cluster", "--name", cluster.name, "--wait", f"{START_SECONDS}s")
        if is_running(cluster, plane):
            return True
    except LocalError:
        pass
    notices.print(f"the cluster {cluster.name} does not start any more: it is made anew, what it held is gone")
    delete(cluster.name)
    return False


def _is_installed(cluster: Cluster, plane: ControlPlane) -> bool:
    """Whether its creation got as far as a first start. Of one that did not, kwokctl waits for ever to start it."""
    directory = directory_of(cluster.name)
    programs = {path.name for path in (directory / "bin").glob("*")}
    return programs >= plane.components and (directory / "kubeconfig.yaml").exists()


def _remove_wrong_pid_files(name: str) -> None:
    """Pid files whose number is now another's, or nobody's: kwokctl would take the component for a running one."""
    running = running_from(directory_of(name) / "bin")
    for file in directory_of(name).glob("pids/*.pid"):
        if running.get(int(file.read_text() or 0)) != file.stem:
            file.unlink()


def _kwokctl(*arguments: str) -> None:
    command = [str(build(KWOKCTL)), *arguments]
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([os.environ.get("PATH", os.defpath), str(kubectl().parent)]),
        "KWOK_WORKDIR": str(clusters_directory()),
        # What the cluster can do is otherwise noted in the user's ~/.kube.
        "KUBECACHEDIR": str(clusters_directory() / "kubectl-cache"),
    }
    try:
        subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=START_SECONDS + _INSTALL_SECONDS,
            check=True,
        )
    except subprocess.SubprocessError as error:
        said = error.stdout if isinstance(error, subprocess.CalledProcessError) else str(error)
        raise LocalError(
            f"kwokctl failed: {' '.join(arguments[:2])}\n{said.strip()}\n"
            f"Logs of the control plane: {clusters_directory()}/clusters/*/logs. "
            f"Start over with: {command_line('down')}"
        ) from error


def _kubeconfig(cluster: Cluster) -> Path:
    if cluster.kubeconfig is None:
        raise ValueError(f"{cluster.name} is no cluster of this project")
    return cluster.kubeconfig


def directory_of(name: str) -> Path:
    """Where the control plane keeps its keys, its data and its logs."""
    return clusters_directory() / "clusters" / name
