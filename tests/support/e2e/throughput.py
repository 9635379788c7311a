"""Browsers that use a deployment without a pause: how many requests it answers, and how fast."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles
from typing import Self

from stackctl.deployed.stack import WEB, Stack
from stackctl.verify.client_pod import CONTAINER
from tests.support.e2e.model_server import MODEL
from tests.support.e2e.observation import SCRIPTS

BROWSERS = 24
SECONDS = 30
WORDS = 100
"""Length of each answer. The service of models writes 50 words a second."""

REPLICAS = (1, 2, 4)
_END_SECONDS = 300


SOCKETS_ROW = "websockets of one replica until p95 of an event passes 1 s"
"""Name of that measurement."""


def row(replicas: int) -> str:
    """Name of the measurement with that many replicas."""
    return f"{BROWSERS} browsers without a pause, {replicas} replica{'s' if replicas > 1 else ''}"


@dataclass(frozen=True, kw_only=True)
class Throughput:
    """What a deployment answered."""

    rate: float
    """Requests a second."""

    p95: float
    """Seconds in which 95 % of the requests were answered."""

    answers: float
    """Answers of the model a second that were read to their end."""

    failures: Sequence[str]

    @classmethod
    def of(cls, seconds: float, requests: Sequence[float], answers: Sequence[float], failures: Sequence[str]) -> Self:
        """From the durations in seconds of all requests and answers."""
        return cls(
            rate=len(requests) / seconds,
            p95=quantiles(requests, n=20)[-1],
            answers=len(answers) / seconds,
            failures=failures,
        )

    def summary(self) -> str:
        """In a few words."""
        failed = f", {len(self.failures)} failed" if self.failures else ""
        return f"{self.rate:.0f} requests/s, p95 {self.p95 * 1000:.0f} ms, {self.answers:.1f} answers/s{failed}"


def throughput(stack: Stack, client: str, token: str) -> Throughput:
    """Use the Service for `SECONDS`.

    Args:
        stack: whose Service is used.
        client: name of the client pod.
        token: of an administrator, who makes the accounts.

    Raises:
        KubectlError: the browsers could not work.
    """
    load = {"browsers": BROWSERS, "seconds": SECONDS, "words": WORDS, "model": MODEL}
    config = {"url": f"http://{WEB}", "token": token, **load}
    script = SCRIPTS / "throughput.py"
    return Throughput.of(**stack.kubectl.python(client, script, config, container=CONTAINER, seconds=_END_SECONDS))


SOCKET_STEP, MOST_SOCKETS = 250, 3000
EVENT_SECONDS = 1.0
"""Bound of the 95th percentile: later events are noticed."""


def sockets(stack: Stack, client: str, token: str, chat: str) -> str:
    """How many websockets one replica serves until the 95th percentile of an event passes `EVENT_SECONDS`.

    Args:
        stack: with one replica.
        client: name of the client pod.
        token: of the user of all websockets.
        chat: a chat of this user.
    """
    ends = {"step": SOCKET_STEP, "most": MOST_SOCKETS, "bound": EVENT_SECONDS}
    config = {"url": f"http://{WEB}", "token": token, "chat": chat, **ends}
    script = SCRIPTS / "sockets.py"
    steps = stack.kubectl.python(client, script, config, container=CONTAINER, seconds=_END_SECONDS)
    within = [step["sockets"] for step in steps if step["p95"] is not None and step["p95"] <= EVENT_SECONDS]
    assert within, steps
    return f"{'over ' if len(within) == len(steps) else ''}{within[-1]} websockets"
