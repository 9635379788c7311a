"""Steady requests to the web pods through their Service, from inside the cluster, and their failures."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from subprocess import TimeoutExpired
from typing import Any

from ..deployed.kubectl import KubectlError
from ..deployed.stack import WEB, Stack
from .scripts import SCRIPTS

_END_SECONDS = 60


@dataclass
class Load:
    """Result of a load; complete when the load has ended."""

    requests: int = 0
    failures: list[dict[str, Any]] = field(default_factory=list)
    """For each failed request ``at`` (seconds since the start), ``after`` (its duration in seconds) and ``what``."""

    gaps: list[float] = field(default_factory=list)
    """Seconds between the loss of a websocket and its reconnection."""

    disconnected: int = 0
    """Number of websockets that were not connected at the end."""


@contextmanager
def load(stack: Stack, client: str, *, rate: float, sockets: int = 0, token: str = "") -> Iterator[Load]:
    """Send requests while the body runs.

    Args:
        stack: with the Service.
        client: name of the client pod.
        rate: requests a second, each over a new connection.
        sockets: number of websockets to keep open as well.
        token: of the account of the websockets.

    Raises:
        KubectlError: the load cannot start, ended early, or does not end.
    """
    outcome = Load()
    config = {"url": f"http://{WEB}", "path": "/api/config", "rate": rate, "sockets": sockets, "token": token}
    kubectl = stack.kubectl
    with kubectl.python_running(client, SCRIPTS / "load.py", config, container="client") as process:
        assert process.stdout
        if not process.stdout.readline():
            raise KubectlError(f"the requests cannot start: {_last_line(process.communicate()[1])}")
        try:
            yield outcome
        finally:
            kubectl.run("exec", client, "-c", "client", "--", "touch", "/tmp/stop")
        try:
            output, errors = process.communicate(timeout=_END_SECONDS)
        except TimeoutExpired as error:
            raise KubectlError(f"the requests did not end within {_END_SECONDS} s") from error
    if process.returncode:
        raise KubectlError(f"the requests ended early: {_last_line(errors)}")
    result = json.loads(output)
    outcome.requests, outcome.failures = result["requests"], result["failures"]
    outcome.gaps = [gap for record in result["sockets"] for gap in record["gaps"]]
    outcome.disconnected = sum(not record["connected"] for record in result["sockets"])


def _last_line(text: str) -> str:
    return text.strip().splitlines()[-1] if text.strip() else "no output"
