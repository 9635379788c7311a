"""A real control plane with simulated nodes, run by kwokctl: pods are admitted, scheduled and ready, but do not run."""

import os
import subprocess
import time
from pathlib import Path

from ..console import notices, step
from ..directories import cache_directory
from ..errors import LocalError
from ..toolchain.go_programs import CONTROL_PLANE, build, missing
from . import simulation
from .choice import Cluster

START_SECONDS = 90


def up(name: str, kubeconfig: Path) -> tuple[Cluster, bool]:
    """The cluster of that name: the one that runs, the one that stood still, or a new one.

    Args:
        name: name of the cluster; its context is ``kwok-<name>``.
        kubeconfig: file to write its kubeconfig to.

    Returns:
        The cluster, and whether it is new and thus empty.

    Raises:
        LocalError: it does not start; says where its logs are.
    """
    cluster = Cluster(kind="kwok", name=name, kubeconfig=kubeconfig, context=f"kwok-{name}")
    build_control_plane()
    new = not _is_running(cluster) and not _restarted(cluster)
    if new:
        with step("start a Kubernetes control plane with simulated nodes", 5):
            _create(cluster)
    simulation.prepare(kubeconfig, cluster.context)
    return cluster, new


def delete(name: str) -> None:
    """Stop the cluster and remove what belongs to it.

    Raises:
        LocalError: a process of it is still there.
    """
    processes = _processes(name)
    if _directory(name).exists():
        _kwokctl("delete", "cluster", "--name", name)
    left = _still_running(processes)
    if left:
        raise LocalError(f"processes of the cluster {name} are still there: {', '.join(map(str, left))}")


def build_control_plane() -> None:
    """Build what is missing of the control plane's programs."""
    to_build = missing(CONTROL_PLANE)
    if to_build:
        names = ", ".join(program.name for program in to_build)
        notices.print(f"Once on this machine: {names} are built from Go modules. An interruption does no harm.")
    for program in to_build:
        build(program)


def _create(cluster: Cluster) -> None:
    programs = {program.name: str(build(program)) for program in CONTROL_PLANE}
    # fmt: off
    _kwokctl(
        "create", "cluster", "--name", cluster.name, "--runtime", "binary",
        "--kubeconfig", str(cluster.kubeconfig), "--wait", f"{START_SECONDS}s",
        "--etcd-binary", programs["etcd"],
        "--kube-apiserver-binary", programs["kube-apiserver"],
        "--kube-controller-manager-binary", programs["kube-controller-manager"],
        "--kube-scheduler-binary", programs["kube-scheduler"],
        "--kwok-controller-binary", programs["kwok"],
        "--kube-authorization=true", "--secure-port=true",
    )
    # fmt: on


def _is_running(cluster: Cluster) -> bool:
    kubeconfig = cluster.kubeconfig
    return kubeconfig is not None and kubeconfig.exists() and simulation.is_ready(kubeconfig, cluster.context)


def _restarted(cluster: Cluster) -> bool:
    """Whether a cluster that stood still (the machine was restarted) goes on with what it held."""
    if not _directory(cluster.name).exists():
        return False
    try:
        with step(f"start the cluster {cluster.name} again"):
            _kwokctl("start", "cluster", "--name", cluster.name, "--wait", f"{START_SECONDS}s")
        if _is_running(cluster):
            return True
    except LocalError:
        pass
    notices.print(f"the cluster {cluster.name} does not start any more: it is made anew, what it held is gone")
    delete(cluster.name)
    return False


def _kwokctl(*arguments: str) -> None:
    kwokctl = next(build(program) for program in CONTROL_PLANE if program.name == "kwokctl")
    command = [str(kwokctl), *arguments]
    done = subprocess.run(
        command,
        env={**os.environ, "KWOK_WORKDIR": str(_work_directory())},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise LocalError(
            f"kwokctl failed: {' '.join(arguments[:2])}\n{done.stdout.strip()}\n"
            f"Logs of the control plane: {_work_directory()}/clusters/*/logs. Start over with: make down"
        )


def _work_directory() -> Path:
    return cache_directory() / "kwok"


def _directory(name: str) -> Path:
    return _work_directory() / "clusters" / name


def _processes(name: str) -> list[int]:
    return [int(file.read_text()) for file in _directory(name).glob("pids/*.pid")]


def _still_running(processes: list[int], seconds: float = 10) -> list[int]:
    deadline = time.monotonic() + seconds
    while True:
        left = [process for process in processes if _alive(process)]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.1)


def _alive(process: int) -> bool:
    try:
        # A process that has ended and was not collected by its parent is a zombie, state Z.
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
