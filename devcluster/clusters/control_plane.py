"""A Kubernetes control plane on this machine, run by kwokctl. Its nodes are started by the caller."""

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
    """The programs and processes of a control plane."""

    programs: tuple[GoProgram, ...]
    """Everything that is needed to run it, kwokctl included."""

    components: frozenset[str]
    """Names of the processes that run when it is up."""

    flags: tuple[str, ...] = ()
    """More flags for `kwokctl create cluster`."""


def start(cluster: Cluster, plane: ControlPlane) -> bool:
    """Start a control plane, or those of its processes that do not run.

    Returns:
        Whether the cluster is new and empty.

    Raises:
        LocalError: the control plane does not start; the message names its logs.
    """
    build_programs(plane.programs)
    # kwokctl picks free ports; two commands at the same time would pick the same ones.
    with exclusive("kwok", "starts a cluster"):
        _restore_kubeconfig(cluster)
        new = not is_running(cluster, plane) and not _restarted(cluster, plane)
        if new:
            with step("start a Kubernetes control plane", 5):
                _create_with_retries(cluster, plane)
    return new


def delete(name: str) -> None:
    """End every process of the cluster and remove its files. Needs no built program; the cluster may be incomplete.

    Raises:
        LocalError: a process of the cluster is still running.
    """
    directory = directory_of(name)
    # Not with `kwokctl delete`: it trusts its pid files, although after a restart of the machine those numbers may
    # belong to other processes, and it ignores the processes of an interrupted start.
    if remaining := end_all_from(directory / "bin"):
        raise LocalError(f"processes of the cluster {name} are still running: {', '.join(map(str, remaining))}")
    if directory.exists():
        shutil.rmtree(directory)


def names() -> list[str]:
    """Names of all clusters, running or not, including running ones whose directory was removed."""
    clusters = clusters_directory() / "clusters"
    kept = {path.name for path in clusters.iterdir()} if clusters.is_dir() else set()
    return sorted(kept | {directory.relative_to(clusters).parts[0] for directory in directories_below(clusters)})


def is_running(cluster: Cluster, plane: ControlPlane) -> bool:
    """Whether all processes of the control plane run and the API server answers."""
    kubeconfig = _kubeconfig(cluster)
    return (
        kubeconfig.exists()
        and set(running_from(directory_of(cluster.name) / "bin").values()) >= plane.components
        and is_ready(kubeconfig, cluster.context)
    )


def build_programs(programs: tuple[GoProgram, ...]) -> None:
    """Build the programs that are missing, and kubectl if it is not on PATH."""
    # kwokctl uses kubectl to check whether the cluster is up, and would download it.
    needed = programs if shutil.which(KUBECTL.name) else (*programs, KUBECTL)
    if to_build := missing(needed):
        names = ", ".join(program.name for program in to_build)
        usual = duration(sum(program.usual_seconds for program in to_build))
        notices.print(
            f"Once on this machine: {names} are built from Go modules (usually {usual}). You can interrupt the build."
        )
    for program in to_build:
        build(program)


def _create_with_retries(cluster: Cluster, plane: ControlPlane) -> None:
    """Create the cluster, and try again with other ports if another process has taken one of them meanwhile.

    The lock does not exclude users of other cache directories, and kwokctl does not notice that a component has exited.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        # Remains of an interrupted start, or a cluster whose directory was removed while it ran.
        delete(cluster.name)
        problem = _creation_error(cluster, plane)
        if problem is None:
            return
        if attempt == _ATTEMPTS or not _lost_a_port(cluster):
            raise problem
    raise AssertionError("the last attempt has returned or raised")


def _creation_error(cluster: Cluster, plane: ControlPlane) -> LocalError | None:
    try:
        _create(cluster, plane)
    except LocalError as error:
        return error
    if is_running(cluster, plane):
        return None
    running = running_from(directory_of(cluster.name) / "bin").values()
    ended = ", ".join(sorted(plane.components - set(running))) or "the API server does not answer"
    return LocalError(
        f"the control plane of {cluster.name} is incomplete: {ended}\n"
        f"Its logs: {directory_of(cluster.name)}/logs. Start over with: {command_line('down')}"
    )


def _lost_a_port(cluster: Cluster) -> bool:
    logs = (directory_of(cluster.name) / "logs").glob("*.log")
    return any(_TAKEN in log.read_text(errors="replace") for log in logs)


def _restore_kubeconfig(cluster: Cluster) -> None:
    """Copy kwokctl's own kubeconfig if ours was removed. Otherwise the cluster would seem not to start."""
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
    """Whether a cluster that was stopped, partly or completely, runs again with its data."""
    if not _is_installed(cluster, plane):
        return False
    _remove_wrong_pid_files(cluster.name)
    try:
        with step(f"restart the stopped processes of the cluster {cluster.name}"):
            _kwokctl("start", "cluster", "--name", cluster.name, "--wait", f"{START_SECONDS}s")
        if is_running(cluster, plane):
            return True
    except LocalError:
        pass
    notices.print(f"the cluster {cluster.name} does not start: creating it again, its objects are lost")
    delete(cluster.name)
    return False


def _is_installed(cluster: Cluster, plane: ControlPlane) -> bool:
    """Whether its creation got as far as a first start. For a cluster that did not, `kwokctl start` waits forever."""
    directory = directory_of(cluster.name)
    programs = {path.name for path in (directory / "bin").glob("*")}
    return programs >= plane.components and (directory / "kubeconfig.yaml").exists()


def _remove_wrong_pid_files(name: str) -> None:
    """Remove pid files whose process has exited: kwokctl would consider the component running."""
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
        # kubectl would cache the discovery documents in the user's ~/.kube.
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
        output = error.stdout if isinstance(error, subprocess.CalledProcessError) else str(error)
        raise LocalError(
            f"kwokctl failed: {' '.join(arguments[:2])}\n{output.strip()}\n"
            f"Logs of the control plane: {clusters_directory()}/clusters/*/logs. "
            f"Start over with: {command_line('down')}"
        ) from error


def _kubeconfig(cluster: Cluster) -> Path:
    if cluster.kubeconfig is None:
        raise ValueError(f"{cluster.name} is not a cluster of this project")
    return cluster.kubeconfig


def directory_of(name: str) -> Path:
    """Directory of the keys, the data and the logs of the control plane."""
    return clusters_directory() / "clusters" / name
