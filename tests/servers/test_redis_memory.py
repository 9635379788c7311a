"""Physical memory of a full Redis with slow subscribers: below the limit that the container gets."""

from contextlib import ExitStack
from typing import Any

import pytest
import redis

from components.blocks.quantities import quantity
from tests.support.servers.redis_load import fill, slow_subscriber, subscribers
from tests.support.servers.redis_server import Start
from tests.support.servers.rendered import Find
from tests.support.servers.server_process import peak_memory, wait_until

LARGE_EVENT = 33 * 2**20
"""Bytes of an event for which Redis's default, 32 MB, disconnects the subscriber."""


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_a_full_server_with_slow_subscribers_stays_below_its_limit(
    start: Start, manifest: Find, environment: str
) -> None:
    containers = manifest(environment, "Deployment", "redis")["spec"]["template"]["spec"]["containers"]
    limit = int(quantity(next(c for c in containers if c["name"] == "redis")["resources"]["limits"]["memory"]))
    with start(environment) as server, ExitStack() as stack:
        client = server.openwebui()
        try:
            fill(client, 1024)
        except redis.exceptions.OutOfMemoryError:
            assert environment == "prod"
        for _ in range(10):
            stack.enter_context(slow_subscriber(server))
        wait_until(lambda: subscribers(server) == 10, "the subscribers", 10)

        with peak_memory(server.process) as peak:
            event = "x" * 2**20
            for _ in range(200):
                client.publish("socketio", event)

        # Somebody was disconnected, or the bounds have not been reached and this shows nothing.
        assert subscribers(server) < 10
        assert server.exporter().info("memory")["used_memory"] > 400 * 2**20
        assert peak[0] < limit


@pytest.mark.parametrize(("environment", "count"), [("dev", 2), ("prod", 2)])
def test_an_event_above_the_default_bound_reaches_every_replica(start: Start, environment: str, count: int) -> None:
    with start(environment) as server:
        listeners = [server.openwebui(1).pubsub(ignore_subscribe_messages=True) for _ in range(count)]
        for listener in listeners:
            listener.subscribe("socketio")
        wait_until(lambda: subscribers(server) == count, "the subscribers", 10)

        assert server.openwebui(1).publish("socketio", "x" * LARGE_EVENT) == count

        for listener in listeners:
            assert len(received(listener)) == LARGE_EVENT


def received(listener: Any) -> str:
    """The next message."""
    messages: list[str] = []

    def heard() -> bool:
        message = listener.get_message(timeout=0.1)
        if message:
            messages.append(message["data"])
        return bool(messages)

    wait_until(heard, "the event", 30)
    return messages[0]
