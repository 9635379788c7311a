"""When a part of the stack fails, users lose nothing that was acknowledged; the length of the outage is measured."""

from functools import partial

import pytest

from stackctl.deployed.stack import WEB, Stack
from tests.support.e2e import faults
from tests.support.e2e.faults import FAULTS, MAXMEMORY
from tests.support.e2e.measurements import Measurements
from tests.support.e2e.node import Node

pytestmark = pytest.mark.fault


@pytest.fixture(scope="module")
def small_redis(node: Node, stack: Stack) -> Stack:
    """The stack with a Redis that is soon full, and that then refuses instead of forgetting."""
    node.sets.update({"redis.maxmemory": f"{MAXMEMORY}mb", "redis.maxmemoryPolicy": "noeviction"})
    node.up()
    return stack


@pytest.mark.parametrize(("what", "fault", "most_seconds"), FAULTS, ids=[what for what, *_ in FAULTS])
def test_what_users_notice(
    small_redis: Stack,
    client: str,
    token: str,
    measurements: Measurements,
    what: str,
    fault: faults.Fault,
    most_seconds: float,
) -> None:
    replicas = len(small_redis.ready(WEB))
    restored = partial(faults.wait_until_ready, small_redis, replicas)
    seen, began = faults.observed_fault(small_redis, client, token, fault, restored)
    measurements.add(what, seen.summary(began))
    assert seen.chats > 0
    assert list(seen.lost) == []
    assert seen.seconds_without_answers(began) <= most_seconds
    assert seen.seconds_without_events(began) <= max(most_seconds, 30)
