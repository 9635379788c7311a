"""A full Redis, with the policy of each environment: what it forgets and what it refuses."""

import traceback
from typing import Any

import pytest
import redis

from tests.support.servers.known_symptoms import symptoms
from tests.support.servers.redis_load import fill
from tests.support.servers.redis_server import REVOKED, Start, on_every_engine
from tests.support.servers.server_process import wait_until


@on_every_engine
def test_dev_evicts_sign_outs_when_it_is_full(start: Start) -> None:
    with start("dev", "maxmemory 8mb") as server:
        client = server.openwebui()
        client.set(REVOKED, "1", ex=3600)
        fill(client, 64)

        assert server.exporter().info("stats")["evicted_keys"] > 0
        assert client.get(REVOKED) is None


@on_every_engine
def test_prod_refuses_writes_when_it_is_full_and_evicts_nothing(start: Start) -> None:
    with start("prod", "maxmemory 8mb") as server:
        client = server.openwebui()
        listener = server.openwebui(1).pubsub(ignore_subscribe_messages=True)
        listener.subscribe("socketio")
        client.set(REVOKED, "1", ex=3600)
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            fill(client, 64)

        assert client.get(REVOKED) == "1"
        assert server.exporter().info("stats")["evicted_keys"] == 0
        with pytest.raises(redis.exceptions.OutOfMemoryError) as refused:
            client.set("open-webui:x", "1")
        # As a traceback ends.
        [symptom] = symptoms("open-webui", "".join(traceback.format_exception_only(refused.value)))
        assert symptom == "`command not allowed when used memory > 'maxmemory'` in the log"
        assert client.publish("socketio", "still here") == 1
        received: list[Any] = []

        def heard() -> bool:
            received.append((listener.get_message(timeout=0.1) or {}).get("data"))
            return received[-1] is not None

        wait_until(heard, "the event", 10)
        assert received[-1] == "still here"
