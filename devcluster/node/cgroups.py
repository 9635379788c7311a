"""The node's control groups: one at the root of each hierarchy, so that all of them can be removed."""

import os
from contextlib import suppress
from pathlib import Path

from host.waiting import attempts

from .layout import Layout

_ROOT = Path("/sys/fs/cgroup")


def create(layout: Layout) -> None:
    """Make the group that all pods are in, in every hierarchy."""
    for hierarchy in _hierarchies():
        group = hierarchy / layout.identifier
        group.mkdir(exist_ok=True)
        # A new group of this controller has no processors and takes no process until it is given some.
        for file in ("cpuset.cpus", "cpuset.mems"):
            if (hierarchy / file).exists() and (group / file).exists() and not (group / file).read_text().strip():
                (group / file).write_text((hierarchy / file).read_text())


def processes(layout: Layout) -> set[int]:
    """Processes in the groups, those of the pods' containers included."""
    pids: set[int] = set()
    for hierarchy in _hierarchies():
        for directory, _, _ in os.walk(hierarchy / layout.identifier):
            # The group of a container that has just ended is gone, or has no processes to be asked for.
            with suppress(OSError):
                pids.update(map(int, (Path(directory) / "cgroup.procs").read_text().split()))
    return pids


def delete(layout: Layout, seconds: float = 20) -> list[Path]:
    """Remove the groups. A process that was killed is in its group until its last thread has ended: wait for it.

    Returns:
        Groups that are still there after ``seconds``.
    """
    for _ in attempts(seconds=seconds, every=0.1):
        remaining = _remove(layout)
        if not remaining:
            break
    return remaining


def _remove(layout: Layout) -> list[Path]:
    left = []
    for hierarchy in _hierarchies():
        for directory, _, _ in os.walk(hierarchy / layout.identifier, topdown=False):
            try:
                os.rmdir(directory)
            except OSError:
                left.append(Path(directory))
    return left


def _hierarchies() -> list[Path]:
    if (_ROOT / "cgroup.controllers").exists():
        return [_ROOT]
    return sorted(path for path in _ROOT.iterdir() if path.is_dir() and (path / "cgroup.procs").exists())
