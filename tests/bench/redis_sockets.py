"""What a websocket, a signed-out token and an event cost Redis, with the classes of Open WebUI that store them.

    export DATA_DIR=$(mktemp -d) ENABLE_DB_MIGRATIONS=False WEBUI_SECRET_KEY=bench
    .venv-open-webui/bin/python -m tests.bench.redis_sockets SOCKET

SOCKET is the path of the socket of an empty Redis: redis-server --port 0 --unixsocket SOCKET --save ''. For each
websocket a replica stores an entry in the pool of sessions, and subscribes to the channels of two rooms: that of the
socket and that of the user. docs/capacity.md has a measurement.
"""

import json
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

import redis
from open_webui.models.users import UserModel  # type: ignore[import-not-found]
from open_webui.socket.utils import RedisDict  # type: ignore[import-not-found]

SOCKETS = 20_000
CHANNELS_AT_A_TIME = 500
EVENT: dict[str, Any] = {
    "method": "emit",
    "event": "events",
    "data": {
        "chat_id": str(uuid.uuid4()),
        "message_id": str(uuid.uuid4()),
        "data": {
            "type": "chat:completion",
            "data": {"choices": [{"delta": {"content": "five words of an answer "}}]},
        },
    },
    "namespace": "/",
    "room": f"user:{uuid.uuid4()}",
    "skip_sid": [],
    "callback": None,
    "host_id": uuid.uuid4().hex,
}
"""Pieces of an answer, as Socket.IO publishes them."""


def used(server: "redis.Redis") -> int:
    """Bytes that Redis has allocated."""
    return int(server.info("memory")["used_memory"])


def microseconds(server: "redis.Redis", command: Callable[[], object]) -> float:
    """CPU time of Redis for a command, each a round trip of its own."""

    def spent() -> float:
        cpu = server.info("cpu")
        return float(cpu["used_cpu_user"] + cpu["used_cpu_sys"])

    before = spent()
    for _ in range(SOCKETS):
        command()
    return (spent() - before) / SOCKETS * 1e6


def entry(number: int) -> dict[str, object]:
    """What a replica stores for a websocket (socket/main.py, connect), for a user with few settings."""
    now = int(time.time())
    user = UserModel(
        id=str(uuid.uuid4()),
        email=f"first.last{number}@example.com",
        name=f"First Last {number}",
        role="user",
        timezone="Europe/Berlin",
        presence_state="active",
        settings={"ui": {"models": ["gpt-5-mini"], "theme": "system", "version": "0.12.4"}},
        last_active_at=now,
        updated_at=now,
        created_at=now,
    )
    left_out = ["profile_image_url", "profile_banner_image_url", "date_of_birth", "bio", "gender"]
    return {**user.model_dump(exclude=left_out), "last_seen_at": now, "chat_ids": []}


def main(socket: str) -> None:
    """Fill Redis, and print the bytes for each."""
    url = f"unix://{socket}"
    server = redis.Redis(unix_socket_path=socket)
    pool = RedisDict("open-webui:session_pool", redis_url=url)
    pool.redis = server
    entries = [entry(number) for number in range(SOCKETS)]
    before = used(server)
    for value in entries:
        pool[uuid.uuid4().hex[:20]] = value
    stored = used(server)
    print(f"entry of a websocket: {(stored - before) / SOCKETS:.0f} bytes")

    replica = server.pubsub()  # type: ignore[no-untyped-call]
    channels = [f"socketio#/#{room}" for value in entries for room in (uuid.uuid4().hex[:20], f"user:{value['id']}")]
    for begin in range(0, len(channels), CHANNELS_AT_A_TIME):
        replica.subscribe(*channels[begin : begin + CHANNELS_AT_A_TIME])
        for _ in range(CHANNELS_AT_A_TIME):
            replica.get_message(timeout=10)
    subscribed = used(server)
    print(f"channels of its two rooms: {(subscribed - stored) / SOCKETS:.0f} bytes")

    for _ in range(SOCKETS):
        server.set(f"open-webui:auth:token:{uuid.uuid4()}:revoked", "1", ex=4 * 7 * 86400)
    print(f"signed-out token: {(used(server) - subscribed) / SOCKETS:.0f} bytes")

    listener = server.pubsub()  # type: ignore[no-untyped-call]
    listener.subscribe(f"socketio#/#{EVENT['room']}")
    event = json.dumps(EVENT)

    def publish() -> None:
        server.publish(f"socketio#/#{EVENT['room']}", event)
        listener.get_message()

    for name, command in (
        (f"event of {len(event)} bytes", publish),
        ("GET", lambda: server.get("open-webui:auth:token:none:revoked")),
        ("HGET", lambda: server.hget("open-webui:session_pool", "socket")),
        ("HSET", lambda: server.hset("open-webui:session_pool", "socket", event)),
    ):
        print(f"{name}: {microseconds(server, command):.1f} µs of CPU time")


if __name__ == "__main__":
    main(sys.argv[1])
