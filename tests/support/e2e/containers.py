"""The processes of a container, as the machine of the node sees them."""

import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

_CONTROL_GROUPS = Path("/sys/fs/cgroup")


def send(pod: Mapping[str, Any], container: str, number: signal.Signals) -> None:
    """Send a signal to every process of a container of a pod.

    Unlike `kubectl exec kill` this reaches the first process, too, whom the kernel shields from its own container.
    """
    pids = processes(pod, container)
    assert pids, f"{pod['metadata']['name']}: no process of {container}"
    for process in pids:
        # One may have gone with another: a server's end is that of its children.
        with suppress(ProcessLookupError):
            os.kill(process, number)


def all_processes(pod: Mapping[str, Any]) -> dict[str, list[int]]:
    """The processes of every container of a pod that runs, sidecars included, by the name of the container."""
    status = pod["status"]
    running = (*status.get("initContainerStatuses", ()), *status["containerStatuses"])
    return {each["name"]: processes(pod, each["name"]) for each in running if "running" in each["state"]}


def processes(pod: Mapping[str, Any], container: str) -> list[int]:
    """Identifiers of the processes, in the machine's numbering."""
    pids: set[int] = set()
    for group in _control_groups(pod, container):
        pids |= {int(line) for line in (group / "cgroup.procs").read_text().split()}
    return sorted(pids)


def memory(pod: Mapping[str, Any], container: str) -> tuple[int, int]:
    """The most memory that a container has had since it started, and its limit, both in bytes."""
    for group in _control_groups(pod, container):
        # The names of the unified hierarchy and of the older one.
        for peak, limit in (("memory.peak", "memory.max"), ("memory.max_usage_in_bytes", "memory.limit_in_bytes")):
            if (group / peak).exists():
                return int((group / peak).read_text()), int((group / limit).read_text())
    raise AssertionError("this machine's kernel does not tell the most memory a container has had")


def _control_groups(pod: Mapping[str, Any], container: str) -> list[Path]:
    """The container's group in each hierarchy."""
    status = pod["status"]
    [status] = [
        each
        for each in (*status.get("initContainerStatuses", ()), *status["containerStatuses"])
        if each["name"] == container
    ]
    identifier = status["containerID"].rpartition("/")[2]
    return [Path(directory) for directory, _, _ in os.walk(_CONTROL_GROUPS) if Path(directory).name == identifier]
