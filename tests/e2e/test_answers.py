"""Browsers read long answers while web pods have to leave: every answer is finished."""

import time
from collections.abc import Iterator

import pytest

from components.open_webui.termination import PRE_STOP_SECONDS
from stackctl.deployed.stack import WEB, Stack
from tests.support.e2e import faults
from tests.support.e2e.leaving_pods import OPERATIONS, read_during, row
from tests.support.e2e.measurements import Measurements
from tests.support.e2e.model_access import model
from tests.support.e2e.reading import BROWSERS

IDLE_SECONDS = 8
"""Within which a pod without answers is gone, from the end of its preStop pause."""


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


def test_a_pod_without_answers_leaves_as_soon_as_before(speaking: Stack, measurements: Measurements) -> None:
    replicas = len(speaking.pods(WEB))
    [pod, *_] = [each["metadata"]["name"] for each in speaking.pods(WEB)]
    began = time.monotonic()
    speaking.kubectl.run("delete", "pod", pod, "--wait=true", seconds=200)
    seconds = time.monotonic() - began
    measurements.add("a web pod without answers in progress leaves", f"{seconds:.1f} s")
    assert PRE_STOP_SECONDS <= seconds < PRE_STOP_SECONDS + IDLE_SECONDS
    faults.wait_until_ready(speaking, replicas)
