"""Redis at its maxmemory: what it may forget, and that its container keeps to its limit."""

import pytest

from stackctl.deployed.stack import Stack
from stackctl.verify.web_api import WebApi
from tests.support.e2e import containers, faults
from tests.support.e2e.measurements import Measurements
from tests.support.e2e.node import Node
from tests.support.e2e.session_tokens import Token

pytestmark = pytest.mark.fault

MAXMEMORY = 64
"""Megabytes."""
LARGE_EVENTS = 200


@pytest.mark.parametrize(
    ("policy", "status", "message"),
    [("noeviction", 401, "refused"), ("allkeys-lru", 200, "valid again")],
    ids=["noeviction", "allkeys-lru"],
)
def test_a_token_that_was_signed_out_under_memory_pressure(
    node: Node, stack: Stack, client: str, measurements: Measurements, policy: str, status: int, message: str
) -> None:
    """A revoked token is valid again after eviction, which is why prod has `noeviction`."""
    node.sets.update({"redis.maxmemory": f"{MAXMEMORY}mb", "redis.maxmemoryPolicy": policy})
    node.up()
    web = WebApi(stack=stack, client=client, url="http://open-webui")
    token = Token(web.sign_in(stack.administrator()).body["token"])
    assert web.session(token).status == 200
    web.sign_out(token)
    assert web.session(token).status == 401
    try:
        faults.redis_pressure(stack, ("fill", 4 * MAXMEMORY))
        actual = web.session(token).status
    finally:
        faults.redis_pressure(stack, ("empty", 4 * MAXMEMORY))
    measurements.add(f"signed-out token after memory pressure, {policy}", message if actual == status else f"{actual}")
    assert actual == status


@pytest.mark.parametrize("policy", ["noeviction", "allkeys-lru"])
def test_a_full_redis_with_slow_subscribers_keeps_to_its_memory_limit(
    node: Node, stack: Stack, measurements: Measurements, policy: str
) -> None:
    node.sets.update({"redis.maxmemory": f"{MAXMEMORY}mb", "redis.maxmemoryPolicy": policy})
    node.up()
    try:
        _, published = faults.redis_pressure(stack, ("fill", 2 * MAXMEMORY), ("publish", LARGE_EVENTS))
    finally:
        faults.redis_pressure(stack, ("empty", 2 * MAXMEMORY))
    [pod] = stack.pods("redis")
    peak, limit = containers.memory(pod, "redis")
    measurements.add(
        f"memory of a full Redis with slow subscribers, {policy}: most, limit", f"{peak >> 20} MiB, {limit >> 20} MiB"
    )
    # Otherwise no client has waited, and the measurement is void.
    assert published["left"] < published["subscribed"]
    assert [status["restartCount"] for status in pod["status"]["containerStatuses"]] == [0] * 1
    assert MAXMEMORY << 20 < peak < limit
