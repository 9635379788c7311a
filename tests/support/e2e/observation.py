"""Observes a fault as users do: failed requests, and the time until the service is restored."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stackctl.deployed.kubectl import KubectlError
from stackctl.deployed.stack import WEB, Stack
from stackctl.verify.client_pod import CONTAINER

SCRIPTS = Path(__file__).parent / "inside"
RATE, SOCKETS = 8.0, 4
PATIENCE_SECONDS = 10
"""How long a user waits for an answer."""
_RETURN_SECONDS = 60
"""How long the observation goes on after its body, while events do not reach every websocket."""

_END_SECONDS = 180


@dataclass
class Observation:
    """The observations; filled in when the observation has ended."""

    requests: Sequence[Mapping[str, Any]] = ()
    """Of each: ``at`` and ``end`` (seconds since the epoch), ``what`` went wrong or None."""

    events: Sequence[Mapping[str, Any]] = ()
    """Of each: ``at``, whether it was ``posted``, by how many websockets it was ``received``."""

    chats: int = 0
    """How many were made, as the answers said."""

    lost: Sequence[Mapping[str, Any]] = field(default_factory=list)
    """Those that are not there at the end."""

    @property
    def failures(self) -> list[Mapping[str, Any]]:
        """Requests that were not answered with 200."""
        return [request for request in self.requests if request["what"]]

    def seconds_without_answers(self, fault: float) -> float:
        """Seconds from the fault to the end of the last request that failed; 0 when none did."""
        return max((request["end"] - fault for request in self.failures), default=0.0)

    def seconds_without_events(self, fault: float) -> float:
        """Seconds from the fault to the first event after which all websockets received every one; else infinite."""
        assert self.events, "no event was posted, so events were not tested"
        missed = [event for event in self.events if not _arrived(event)]
        if not missed:
            return 0.0
        later: list[float] = [event["at"] for event in self.events if event["at"] > missed[-1]["at"]]
        return max(min(later) - fault, 0.0) if later else math.inf

    def summary(self, fault: float) -> str:
        """A summary of a fault at that time (seconds since the epoch)."""
        answers, without = self.seconds_without_answers(fault), self.seconds_without_events(fault)
        events = "not again" if math.isinf(without) else f"{without:.1f} s"
        return (
            f"{len(self.failures)} of {len(self.requests)} requests failed; requests {answers:.1f} s, events {events}; "
            f"{len(self.lost)} of {self.chats} chats lost"
        )


def _arrived(event: Mapping[str, Any]) -> bool:
    return bool(event["posted"]) and event["received"] >= SOCKETS


@contextmanager
def observed(stack: Stack, client: str, token: str) -> Iterator[Observation]:
    """Use the stack for as long as the body runs.

    Args:
        stack: whose Service is used.
        client: name of the client pod.
        token: of a signed-in user.

    Raises:
        KubectlError: it did not work before anything was done to it.
    """
    outcome = Observation()
    config = {
        "url": f"http://{WEB}",
        "token": token,
        "rate": RATE,
        "sockets": SOCKETS,
        "patience": PATIENCE_SECONDS,
        "longest": _RETURN_SECONDS,
    }
    kubectl = stack.kubectl
    with kubectl.python_running(client, SCRIPTS / "observe.py", config, container=CONTAINER) as process:
        assert process.stdout
        if not process.stdout.readline():
            raise KubectlError(f"the stack cannot be used: {process.communicate()[1][-500:]}")
        try:
            yield outcome
        finally:
            kubectl.run("exec", client, "-c", CONTAINER, "--", "touch", "/tmp/observed")
        output, errors = process.communicate(timeout=_END_SECONDS)
    if process.returncode:
        raise KubectlError(f"the observation ended before its time: {errors[-500:]}")
    seen = json.loads(output)
    outcome.requests, outcome.events = seen["requests"], seen["events"]
    outcome.chats, outcome.lost = seen["chats"], seen["lost"]
