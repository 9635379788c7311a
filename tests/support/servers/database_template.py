"""Data directories that the init container has prepared already, made once for all workers of a run and copied."""

import fcntl
import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.support.servers.run_directory import run_directory


def copy_template(key: tuple[str, ...], make: Callable[[], Path], target: Path) -> None:
    """Copy the template of a data directory, which the first caller makes.

    Args:
        key: everything that the contents depend on.
        make: makes a data directory of a server that has stopped, and returns its path.
        target: path of the copy; nothing is there yet.
    """
    template = run_directory() / f"pgdata-{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}"
    with template.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not template.exists():
            made = template.with_suffix(".new")
            _copy(make(), made)
            made.rename(template)
    _copy(template, target)


def _copy(source: Path, target: Path) -> None:
    # Owners, modes and times stay. Where the file system can, both share their blocks.
    subprocess.run(["cp", "-a", "--reflink=auto", str(source), str(target)], check=True)
