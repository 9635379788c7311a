"""The processes of a container, as the machine of the node sees them."""

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_CONTROL_GROUPS = Path("/sys/fs/cgroup")


def send(pod: Mapping[str, Any], container: str, number: signal.Signals) -> None:
    """Send a signal to every process of a container of a pod.

    Unlike `kubectl exec kill` this reaches the first process, too, whom the kernel shields from its own container.
    """
    found = processes(pod, container)
    assert found, f"{pod['metadata']['name']}: no process of {container}"
    for process in found:
        os.kill(process, number)


def processes(pod: Mapping[str, Any], container: str) -> list[int]:
    """Identifiers of the processes, in the machine's numbering."""
    [status] = [each for each in pod["status"]["containerStatuses"] if each["name"] == container]
    identifier = status["containerID"].rpartition("/")[2]
    found: set[int] = set()
    for directory, _, files in os.walk(_CONTROL_GROUPS):
        if Path(directory).name == identifier and "cgroup.procs" in files:
            found |= {int(line) for line in (Path(directory) / "cgroup.procs").read_text().split()}
    return sorted(found)
