"""Who made what the checks put into the cluster: this run, another one that is at work, or one that was killed."""

import os
import re
import socket
import time
from dataclasses import dataclass
from functools import cache

LABEL = "open-webui-stack/verify-run"
"""Label of everything that a run creates; its value is the run."""

LONGEST_RUN_SECONDS = 1800
"""No run lasts longer: the client pod ends itself after this time."""

_FORM = re.compile(r"(?P<host>[a-z0-9-]{1,30})\.(?P<process>\d+)\.(?P<started>\d+)")


@dataclass(frozen=True)
class Run:
    """One run of the checks."""

    host: str
    process: int
    started: int
    """Seconds since the epoch."""

    def __str__(self) -> str:
        """As the value of a label: 63 of `[A-Za-z0-9._-]` at the most."""
        return f"{self.host}.{self.process}.{self.started}"


@cache
def this_run() -> Run:
    """The run of this process."""
    return Run(_host(), os.getpid(), int(time.time()))


def is_left_over(value: str) -> bool:
    """Whether nobody will take away what bears this value any more.

    A run on this machine is over when its process is. Of one on another machine only its age is known.

    Args:
        value: what a label says, in the form of `Run`; anything else is nobody's.
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
