"""Stale locks on a stack's state: their process was killed, or the machine was switched off."""

import json
import socket
from pathlib import Path

from host.processes import program_name

# https://github.com/pulumi/pulumi/blob/v3.272.0/pkg/backend/diy/lock.go: a file with the holder's host and process.
_LOCKS = ".pulumi/locks"


def remove_stale_locks(backend: Path) -> bool:
    """Remove the locks of ended processes of this machine. Returns whether there were any."""
    stale = [file for file in (backend / _LOCKS).rglob("*.json") if _is_stale(file)]
    for file in stale:
        file.unlink(missing_ok=True)
    return bool(stale)


def _is_stale(lock: Path) -> bool:
    try:
        holder = json.loads(lock.read_text())
    except (OSError, ValueError):
        return False
    if holder.get("hostname") != socket.gethostname():
        return False
    # The process ID alone is not enough, because another program may have it now.
    program = program_name(int(holder.get("pid", 0)))
    return program is None or not program.startswith("pulumi")
