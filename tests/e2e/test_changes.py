"""What users notice when the platform team changes something: nothing."""

import pytest

from stackctl.deployed.stack import Stack
from stackctl.verify.load import Load, load
from tests.support.e2e.measurements import Measurements
from tests.support.e2e.node import Node

RATE, SOCKETS = 16.0, 6
BACK_SECONDS = 10


@pytest.mark.parametrize(
    ("what", "key", "value"),
    [
        ("a setting of the web pods", "openWebui.resources.requests.cpu", "110m"),
        ("the signing key", "rotate.openWebui", "2"),
        ("Redis's password", "rotate.redis", "2"),
    ],
    ids=["setting", "signing-key", "redis-password"],
)
def test_no_request_fails_while_pods_roll(
    node: Node, stack: Stack, client: str, token: str, measurements: Measurements, what: str, key: str, value: str
) -> None:
    node.sets[key] = value
    with load(stack, client, rate=RATE, sockets=SOCKETS, token=token) as outcome:
        node.up()
    measurements.add(f"change of {what}", summary(outcome))
    assert outcome.requests > RATE
    assert outcome.failures == []
    assert outcome.disconnected == 0
    assert outcome.gaps, "no websocket was ever lost, so nothing rolled"
    assert max(outcome.gaps) < BACK_SECONDS


def summary(outcome: Load) -> str:
    """Failed requests and the slowest return of a websocket, in a few words."""
    back = f"websockets back after {max(outcome.gaps):.2f} s" if outcome.gaps else "no websocket lost"
    gone = f", {outcome.disconnected} not at all" if outcome.disconnected else ""
    return f"{len(outcome.failures)} of {outcome.requests} requests failed; {back}{gone}"
