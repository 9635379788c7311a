"""What the kubelet bounds a container with: memory, by a control group, and /dev/shm, by a volume of a given size."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from host.waiting import attempts
from tests.support.servers.server_process import CONTAINER_USER, not_there

_ROOT = Path("/sys/fs/cgroup")


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """A control group with a limit, in which containers are started."""

    group: Path
    shared_memory: int
    """Size of /dev/shm in bytes."""

    def command(self, program: list[str]) -> list[str]:
        """The command that runs a program within the bounds, as the containers' user. It has to be started by root."""
        enter = 'echo $$ >"$1" && mount -t tmpfs -o "size=$2,mode=1777" tmpfs /dev/shm && shift 2 && exec "$@"'
        user = ["setpriv", f"--reuid={CONTAINER_USER}", f"--regid={CONTAINER_USER}", "--clear-groups"]
        arguments = [str(self.group / "cgroup.procs"), str(self.shared_memory), *user, *program]
        return ["unshare", "--mount", "sh", "-c", enter, "sh", *arguments]

    def killed(self) -> int:
        """Processes that the kernel has killed because the group was out of memory."""
        events = self.group / "memory.events"
        counters = (events if events.exists() else self.group / "memory.oom_control").read_text().split()
        return int(counters[counters.index("oom_kill") + 1])


@contextmanager
def bounded(memory: int, shared_memory: int) -> Iterator[Bounds]:
    """A control group for one container.

    Args:
        memory: limit in bytes; there is no swap beyond it.
        shared_memory: size of /dev/shm in bytes, a part of that memory.
    """
    _check_possible()
    parent = _ROOT if (_ROOT / "cgroup.controllers").exists() else _ROOT / "memory"
    group = Path(tempfile.mkdtemp(prefix="stack-", dir=parent))
    try:
        for name, value in _limits(group, memory).items():
            (group / name).write_text(value)
        yield Bounds(group=group, shared_memory=shared_memory)
    finally:
        _remove(group)


def _limits(group: Path, memory: int) -> dict[str, str]:
    if (group / "memory.max").exists():
        swap = {"memory.swap.max": "0"} if (group / "memory.swap.max").exists() else {}
        return {"memory.max": str(memory), **swap}
    # Memory and swap together cannot be less than memory: this order.
    swap = {"memory.memsw.limit_in_bytes": str(memory)} if (group / "memory.memsw.limit_in_bytes").exists() else {}
    return {"memory.limit_in_bytes": str(memory), **swap}


def _check_possible() -> None:
    if os.getuid() != 0:
        not_there("A control group and a mount namespace need root")
    for program in ("unshare", "setpriv"):
        if not shutil.which(program):
            not_there(f"{program} is missing; install it with: apt-get install util-linux")
    controllers = _ROOT / "cgroup.controllers"
    if controllers.exists():
        enabled = (_ROOT / "cgroup.subtree_control").read_text().split()
        if "memory" not in enabled:
            not_there("The controller memory is not in /sys/fs/cgroup/cgroup.subtree_control")
    elif not (_ROOT / "memory/cgroup.procs").exists():
        not_there("/sys/fs/cgroup has no controller memory")
    if not os.access(_ROOT if controllers.exists() else _ROOT / "memory", os.W_OK):
        not_there("/sys/fs/cgroup is read-only")
    if subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode != 0:
        not_there("A mount namespace is not permitted here")


def _remove(group: Path) -> None:
    # A process that has ended is in its group until its last thread has gone.
    for _ in attempts(seconds=20, every=0.1):
        with suppress(OSError):
            group.rmdir()
            return
    group.rmdir()
