"""Users notice no change by the platform team."""

import pytest

from stackctl.deployed.stack import Stack
from stackctl.verify.load import load
from tests.support.e2e.load_summary import RATE, SOCKETS, summary
from tests.support.e2e.measurements import Measurements
from tests.support.e2e.node import Node

BACK_SECONDS = 10


@pytest.mark.parametrize(
    ("what", "key", "value"),
    [
        # The others roll the same pods, and exchange what they connect with besides.
        pytest.param("a setting of the web pods", "openWebui.resources.requests.cpu", "110m", marks=pytest.mark.fault),
        ("the signing key", "rotate.openWebui", "2"),
        ("Redis's password", "rotate.redis", "2"),
        ("the database's passwords", "rotate.postgresql", "2"),
    ],
    ids=["setting", "signing-key", "redis-password", "database-passwords"],
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
