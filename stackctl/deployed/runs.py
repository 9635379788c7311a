"""Which run of the checks created an object: this one, another that still runs, or one that was killed."""

import os
import re
import socket
import time
from dataclasses import dataclass
from functools import cache

LABEL = "open-webui-stack/verify-run"
"""Label of every object that a run creates; its value is the run."""

LONGEST_RUN_SECONDS = 1800
"""Longest run: the client pod ends itself after this time."""

_FORM = re.compile(r"(?P<host>[a-z0-9-]{1,30})\.(?P<process>\d+)\.(?P<started>\d+)")


@dataclass(frozen=True)
class Run:
    """One run of the checks."""

    host: str
    process: int
    started: int
    """Seconds since the epoch."""

    def __str__(self) -> str:
        """The value of the label: at most 63 characters of `[A-Za-z0-9._-]`."""
        return f"{self.host}.{self.process}.{self.started}"


@cache
def this_run() -> Run:
    """The run of this process."""
    return Run(_host(), os.getpid(), int(time.time()))


def is_orphaned(value: str) -> bool:
    """Whether the objects with this label are orphaned: their run has ended.

    A run on this machine ends with its process. For a run on another machine, only the age is known.

    Args:
        value: of the label, in the form of `Run`. Objects with any other value are orphaned.
    """
    form = _FORM.fullmatch(value)
    if not form:
        return True
    if time.time() - int(form["started"]) > LONGEST_RUN_SECONDS:
        return True
    return form["host"] == _host() and not _is_alive(int(form["process"]))


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _host() -> str:
    return re.sub(r"[^a-z0-9-]", "-", socket.gethostname().lower())[:30].strip("-") or "unnamed"
