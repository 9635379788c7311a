"""Commands of the engine that are measured, and what is measured of them."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devcluster.clusters import control_plane, kwok
from devcluster.clusters.choice import Cluster
from devcluster.toolchain.providers import search_path
from devcluster.toolchain.pulumi_cli import pulumi_cli
from stack_config.files import ROOT, set_path, stack_config, stack_file, stack_file_text
from stack_config.load import PROJECT
from tests.support.repeated import repeated

CLUSTER = f"open-webui-stack-bench-{os.getpid()}"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A measurement and its limit."""

    name: str
    value: float
    limit: float
    unit: str

    @property
    def holds(self) -> bool:
        return self.value <= self.limit


@contextmanager
def running_cluster(directory: Path) -> Iterator[Cluster]:
    """A cluster of its own for the measurements."""
    try:
        cluster, _ = kwok.up(CLUSTER, directory / "kubeconfig")
        yield cluster
    finally:
        control_plane.delete(CLUSTER)


def prepared(
    directory: Path, name: str, program: str, cluster: Cluster, sets: Iterable[str] = ()
) -> Callable[[str], None]:
    """A stack on a file backend of its own; the result runs an operation on it: ``preview``, ``up``, or ``first``, an
    ``up`` that writes the state once at its end, and not after each object.

    Args:
        directory: for the project and its state.
        name: of the stack.
        program: one of `one_command`.
        cluster: to deploy to.
        sets: config keys that differ from the environment `dev`, for the programs that have components.
    """
    project = directory / name
    (project / "state").mkdir(parents=True)
    (project / "Pulumi.yaml").write_text((ROOT / "Pulumi.yaml").read_text())
    values: dict[str, Any] = {} if program in ("empty", "config-map") else stack_config(stack_file("dev"), PROJECT)
    for each in (f"kubeContext={cluster.context}", *sets):
        set_path(values, each, PROJECT)
    (project / f"Pulumi.{name}.yaml").write_text(stack_file_text(values))
    environment = {
        **os.environ,
        "PATH": search_path(pulumi_cli()),
        "KUBECONFIG": str(cluster.kubeconfig),
        "PULUMI_BACKEND_URL": (project / "state").as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "bench",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    # Without bytecode, every command would compile this repository again, which the installed packages are spared.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)

    def operation(what: str) -> None:
        once = {"PULUMI_EXPERIMENTAL": "true", "PULUMI_SKIP_CHECKPOINTS": "true"} if what == "first" else {}
        command = "up" if what == "first" else what
        module = (sys.executable, "-m", "tests.bench.one_command")
        run(*module, str(project), name, program, command, environment={**environment, **once})

    return operation


def seconds(work: Callable[[], object]) -> float:
    """Seconds that the work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU time of the processes that the work starts and waits for. It depends little on the load of the machine."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def run(*command: str, environment: Mapping[str, str] | None = None) -> None:
    """Run a command of the project.

    Raises:
        CalledProcessError: it failed; its time says nothing.
    """
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def peak_memory() -> Iterator[Callable[[], float]]:
    """Highest sum of the resident memory of this process's descendants, the engine and its providers, in MB."""
    peak = [0.0]

    def watch() -> None:
        peak[0] = max(peak[0], sum(resident_megabytes(process) for process in descendants(os.getpid())))

    with repeated(watch, pause=0.2):
        yield lambda: peak[0]


def descendants(process: int) -> list[int]:
    """Processes started by a process, and by those."""
    pids: list[int] = []
    try:
        threads = list(Path(f"/proc/{process}/task").iterdir())
    except OSError:
        # It has just ended.
        return pids
    for thread in threads:
        try:
            children = [int(child) for child in (thread / "children").read_text().split()]
        except OSError:
            continue
        for child in children:
            pids += [child, *descendants(child)]
    return pids


def resident_megabytes(process: int) -> float:
    """Resident memory of a process; 0 when it has just ended."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
