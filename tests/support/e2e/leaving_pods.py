"""Operations in which web pods have to leave, and what browsers read meanwhile."""

import time
from collections.abc import Callable

from components.open_webui.termination import PRE_STOP_SECONDS
from stackctl.deployed.stack import WEB, Stack
from tests.support.e2e import faults
from tests.support.e2e.reading import ANSWER_SECONDS, BROWSERS, Reading, reading

Leave = Callable[[Stack], None]


def roll(stack: Stack) -> None:
    """Every pod is replaced by a new one."""
    stack.kubectl.run("rollout", "restart", f"deployment/{WEB}")
    stack.kubectl.run("rollout", "status", f"deployment/{WEB}", "--timeout=240s", seconds=250)


def drain(stack: Stack) -> None:
    """Every pod is evicted, as soon as the budget lets it."""
    replicas = len(stack.pods(WEB))
    for pod in stack.pods(WEB):
        faults.evict(stack, pod["metadata"]["name"])
    faults.wait_until_ready(stack, replicas)


def scale_down(stack: Stack) -> None:
    """From three replicas to one, and back."""
    replicas = len(stack.pods(WEB))
    for number in (1, replicas):
        stack.kubectl.run("scale", "deployment", WEB, f"--replicas={number}")
        # Long enough for what a pod without a drain does: to end.
        time.sleep(2 * PRE_STOP_SECONDS)
    faults.wait_until_ready(stack, replicas)


OPERATIONS: dict[str, Leave] = {"roll": roll, "drain": drain, "scale-down": scale_down}


def row(operation: str) -> str:
    """Name of the measurement."""
    return f"{operation} while {BROWSERS} browsers read answers of {ANSWER_SECONDS} s"


def read_during(operation: Leave, stack: Stack, client: str, token: str) -> Reading:
    """Responses that browsers read meanwhile."""
    before = {pod["metadata"]["name"] for pod in stack.pods(WEB)}
    with reading(stack, client, token) as seen:
        operation(stack)
        assert {pod["metadata"]["name"] for pod in stack.pods(WEB)} != before, "no pod had to leave"
    return seen
