"""Redis with more than one node: the application works, and no user notices when every node is replaced."""

import time

import pytest

from stackctl.deployed.stack import WEB, Stack
from tests.support.e2e import faults
from tests.support.e2e.faults import SETTLING_SECONDS
from tests.support.e2e.measurements import Measurements
from tests.support.e2e.node import Node
from tests.support.e2e.observation import observed

pytestmark = pytest.mark.fault

ROLL_SECONDS = 300


@pytest.mark.parametrize(("topology", "nodes"), [("sentinel", 3), ("cluster", 6)])
def test_no_request_fails_while_every_node_is_replaced(
    node: Node, stack: Stack, client: str, token: str, measurements: Measurements, topology: str, nodes: int
) -> None:
    node.sets["redis.topology"] = topology
    node.sets["redis.durability"] = "none"
    node.up()
    node.verify()
    with observed(stack, client, token) as seen:
        time.sleep(SETTLING_SECONDS)
        began = time.time()
        stack.kubectl.run("rollout", "restart", "statefulset/redis")
        timeout = f"--timeout={ROLL_SECONDS}s"
        stack.kubectl.run("rollout", "status", "statefulset/redis", timeout, seconds=ROLL_SECONDS + 10)
        time.sleep(SETTLING_SECONDS)
    measurements.add(f"all {nodes} Redis nodes are replaced one after the other, {topology}", seen.summary(began))
    assert seen.requests
    assert seen.failures == []
    assert list(seen.lost) == []
    assert seen.chats > 0
    faults.wait_until_ready(stack, len(stack.ready(WEB)), redis=nodes)
