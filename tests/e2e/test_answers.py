"""Browsers read long answers while web pods have to leave: every answer is finished."""

import time
from collections.abc import Callable, Iterator

import pytest

from components.open_webui.termination import PRE_STOP_SECONDS
from stackctl.deployed.stack import WEB, Stack
from tests.support.e2e import faults
from tests.support.e2e.measurements import Measurements
from tests.support.e2e.model_access import model
from tests.support.e2e.reading import ANSWER_SECONDS, BROWSERS, Reading, reading

Leave = Callable[[Stack], None]
IDLE_SECONDS = 8
"""Within which a pod without answers is gone, from the end of its preStop pause."""


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


@pytest.fixture(scope="module")
def speaking(stack: Stack, client: str) -> Iterator[Stack]:
    """The stack with a model to talk to."""
    with model(stack, client, stack.administrator()):
        yield stack


@pytest.mark.parametrize(
    "operation", [pytest.param(name, marks=() if name == "roll" else pytest.mark.fault) for name in OPERATIONS]
)
def test_every_answer_is_finished(
    speaking: Stack, client: str, token: str, measurements: Measurements, operation: str
) -> None:
    seen = read_during(OPERATIONS[operation], speaking, client, token)
    measurements.add(row(operation), seen.summary())
    assert len(seen.begun) >= BROWSERS
    assert seen.cut == []
    assert seen.unseen == []
    faults.wait_until_gone(speaking)


def read_during(operation: Leave, stack: Stack, client: str, token: str) -> Reading:
    """What browsers read meanwhile."""
    before = {pod["metadata"]["name"] for pod in stack.pods(WEB)}
    with reading(stack, client, token) as seen:
        operation(stack)
        assert {pod["metadata"]["name"] for pod in stack.pods(WEB)} != before, "no pod had to leave"
    return seen


def test_a_pod_without_answers_leaves_as_soon_as_before(speaking: Stack, measurements: Measurements) -> None:
    replicas = len(speaking.pods(WEB))
    [pod, *_] = [each["metadata"]["name"] for each in speaking.pods(WEB)]
    began = time.monotonic()
    speaking.kubectl.run("delete", "pod", pod, "--wait=true", seconds=200)
    seconds = time.monotonic() - began
    measurements.add("a web pod without answers in progress leaves", f"{seconds:.1f} s")
    assert PRE_STOP_SECONDS <= seconds < PRE_STOP_SECONDS + IDLE_SECONDS
    faults.wait_until_ready(speaking, replicas)
