"""The ACL file against a real Redis: who may do what."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import redis
import socketio  # type: ignore[import-untyped]
from redis.asyncio import Redis as AsyncRedis

from components.redis.server.acl import acl_file
from tests.support.servers.redis_server import (
    APPLICATION_PASSWORD,
    ENGINES,
    EXPORTER_PASSWORD,
    REVOKED,
    Client,
    Server,
    redis_server,
)
from tests.support.servers.server_process import redis_program, server_directory, wait_until


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Each of them: every test here that has a server."""
    return str(request.param)


@pytest.fixture(scope="module")
def shared_server(engine: str) -> Iterator[Server]:
    """One for all tests of this file."""
    with server_directory() as directory, redis_server(directory, engine, "prod") as server:
        yield server


@pytest.fixture
def server(shared_server: Server) -> Server:
    """As after its start."""
    shared_server.reset()
    return shared_server


def refused(client: Client, *command: str | int) -> bool:
    """Whether the server denies a command (NOPERM). Every other error is an error of the test."""
    try:
        client.execute_command(*command)
    except redis.exceptions.NoPermissionError:
        return True
    return False


def test_the_file_holds_no_password_in_plain_text() -> None:
    text = acl_file({"openwebui": [APPLICATION_PASSWORD], "exporter": [EXPORTER_PASSWORD]})

    assert APPLICATION_PASSWORD not in text
    assert EXPORTER_PASSWORD not in text
    assert [line.split()[1] for line in text.splitlines()] == ["default", "openwebui", "exporter"]
    assert ">" not in text


@pytest.mark.parametrize("passwords", [[""], ["x", ""], []])
def test_an_empty_password_is_refused(passwords: list[str]) -> None:
    with pytest.raises(ValueError, match="exporter has an empty password"):
        acl_file({"openwebui": ["x"], "exporter": passwords})


# --- the default user


def test_anybody_may_ping(server: Server, engine: str) -> None:
    program = redis_program(f"{engine}-cli")
    answer = subprocess.run(
        [program, "-h", "127.0.0.1", "-p", str(server.port), "ping"], check=True, capture_output=True, text=True
    )
    assert answer.stdout == "PONG\n"


@pytest.mark.parametrize(
    "command",
    [
        ("GET", REVOKED),
        ("SET", "open-webui:x", "1"),
        ("KEYS", "*"),
        ("DBSIZE",),
        ("INFO",),
        ("CONFIG", "GET", "*"),
        ("FLUSHALL",),
        ("SHUTDOWN", "NOSAVE"),
        ("ACL", "WHOAMI"),
        ("SUBSCRIBE", "socketio"),
        ("PUBLISH", "socketio", "x"),
        ("PUBSUB", "NUMSUB", "socketio"),
        ("EVAL", "return 1", 0),
        ("SELECT", 1),
        ("CLIENT", "LIST"),
        ("COMMAND", "COUNT"),
    ],
    ids=lambda command: " ".join(map(str, command)),
)
def test_no_other_user_may_do_anything_else(server: Server, command: tuple[str | int, ...]) -> None:
    assert refused(server.client(None, None), *command)


@pytest.mark.parametrize("user", ["openwebui", "exporter", "default", "nobody"])
def test_a_wrong_password_is_refused(server: Server, user: str) -> None:
    if user == "default":  # has none to get wrong: whatever is sent, it is the user that may only PING
        assert refused(server.client(user, "wrong"), "GET", REVOKED)
        return
    with pytest.raises(redis.AuthenticationError):
        server.client(user, "wrong").ping()


# --- Open WebUI


@pytest.mark.parametrize(
    "command",
    [
        ("FLUSHALL",),
        ("FLUSHDB",),
        ("SWAPDB", 0, 1),
        ("CONFIG", "GET", "maxmemory"),
        ("CONFIG", "SET", "maxmemory-policy", "allkeys-lru"),
        ("CONFIG", "REWRITE"),
        ("SHUTDOWN", "NOSAVE"),
        ("ACL", "LIST"),
        ("ACL", "SETUSER", "intruder"),
        ("REPLICAOF", "127.0.0.1", "1"),
        ("MODULE", "LIST"),
        ("MIGRATE", "127.0.0.1", "1", "open-webui:x", 0, 1),
        ("MONITOR",),
        ("SAVE",),
        ("BGREWRITEAOF",),
        ("SCRIPT", "FLUSH"),
        ("SCRIPT", "KILL"),
        ("FUNCTION", "LOAD", "#!lua name=x"),
        ("CLIENT", "KILL", "ID", "1"),
        ("CLIENT", "LIST"),
        ("CLIENT", "PAUSE", "1"),
        ("CLIENT", "NO-EVICT", "on"),
        ("KEYS", "*"),
        ("SCAN", 0),
        ("RANDOMKEY",),
        ("DBSIZE",),
        ("INFO",),
        ("SLOWLOG", "GET"),
        ("LATENCY", "RESET"),
        ("GET", "other-application:x"),
        ("SET", "other-application:x", "1"),
        ("DEL", "open-webui"),
        ("DEL", "open-webui:x", "other-application:x"),
        ("HGETALL", "open-webuix:session_pool"),
        ("EVAL", "return 1", 1, "other-application:x"),
        ("RENAME", "open-webui:x", "open-webui:y"),
        ("COPY", "open-webui:x", "open-webui:y", "DB", 1),
        ("SUBSCRIBE", "other"),
        ("SUBSCRIBE", "socketio2"),
        ("SUBSCRIBE", "open-webui:tasks"),
        ("PSUBSCRIBE", "*"),
        ("PUBLISH", "other", "x"),
        ("PUBLISH", "__keyspace@0__:x", "x"),
        ("PUBSUB", "CHANNELS"),
    ],
    ids=lambda command: " ".join(map(str, command)),
)
def test_open_webui_may_not(server: Server, command: tuple[str | int, ...]) -> None:
    assert refused(server.openwebui(), *command)


def test_no_user_may_debug_the_server(server: Server) -> None:
    # Switched off for everybody (enable-debug-command no); the server says so before it looks at users.
    with pytest.raises(redis.ResponseError, match="DEBUG command not allowed"):
        server.openwebui().execute_command("DEBUG", "SLEEP", "0")


@pytest.mark.parametrize(
    "call", ["'flushall'", "'keys', '*'", "'get', 'other-application:x'", "'publish', 'other', 'x'"]
)
def test_a_script_may_no_more_than_its_user(server: Server, call: str) -> None:
    with pytest.raises(redis.ResponseError, match=r"user executing the script can't|ACL failure in script"):
        server.openwebui().eval(f"return redis.call({call})", 0)


@pytest.mark.parametrize("database", [0, 1])
def test_open_webui_may_use_its_keys(server: Server, database: int) -> None:
    client = server.openwebui(database)
    name = "open-webui:things"

    assert client.set(REVOKED, "1", ex=60) is True
    assert client.get(REVOKED) == "1"
    assert client.incr(f"{name}:count") == 1
    assert client.decrby(f"{name}:count", 1) == 0
    assert client.expire(f"{name}:count", 60) is True
    assert client.mget([f"{name}:count", "open-webui:absent"]) == ["0", None]
    assert client.hset(name, "a", "1") == 1
    assert client.hset(name, mapping={"b": "2"}) == 1
    assert (client.hget(name, "a"), client.hmget(name, ["a", "b"])) == ("1", ["1", "2"])
    assert (client.hlen(name), client.hexists(name, "a"), client.hkeys(name)) == (2, True, ["a", "b"])
    assert (client.hvals(name), client.hgetall(name)) == (["1", "2"], {"a": "1", "b": "2"})
    assert client.hscan(name, 0, count=100) == (0, {"a": "1", "b": "2"})
    assert client.hdel(name, "a") == 1
    assert client.sadd(f"{name}:set", "a", "b") == 2
    assert (client.scard(f"{name}:set"), client.smembers(f"{name}:set")) == (2, {"a", "b"})
    assert client.srem(f"{name}:set", "a") == 1
    assert client.rpush(f"{name}:list", "a", "b") == 2
    assert (client.llen(f"{name}:list"), client.lrange(f"{name}:list", 0, -1)) == (2, ["a", "b"])
    assert client.zadd(f"{name}:zset", {"worker": 1.0}) == 1
    assert (client.zcount(f"{name}:zset", 0, "+inf"), client.zrem(f"{name}:zset", "worker")) == (1, 1)
    assert (client.exists(name), client.delete(name)) == (1, 1)
    assert server.denials() == []


@pytest.mark.parametrize("database", [0, 1])
def test_open_webui_may_use_transactions_scripts_and_locks(server: Server, database: int) -> None:
    client = server.openwebui(database)

    pipeline = client.pipeline()
    pipeline.delete("open-webui:ydoc:documents:n:updates")
    pipeline.rpush("open-webui:ydoc:documents:n:updates", "snapshot")
    assert pipeline.execute() == [0, 1]
    append = (
        "if redis.call('strlen', KEYS[1]) ~= tonumber(ARGV[1]) then return 0 end "
        "redis.call('append', KEYS[1], ARGV[2]) redis.call('expire', KEYS[1], 60) return 1"
    )
    assert client.eval(append, 1, "open-webui:tasks:response_streams:t", 0, "text") == 1
    count = "redis.call('hincrby', KEYS[1], 'count', 1) return redis.call('hincrby', KEYS[1], 'bytes', ARGV[1])"
    assert client.eval(count, 1, "open-webui:encryption:{digest}", 7) == 7
    # EVALSHA, and SCRIPT LOAD when the server does not know the script yet.
    with client.lock("open-webui:oauth:refresh_lock:1", timeout=60, blocking_timeout=5) as lock:
        assert lock.owned()
        assert not client.set("open-webui:oauth:refresh_lock:1", "x", nx=True, ex=1)
    assert client.exists("open-webui:oauth:refresh_lock:1") == 0
    assert server.denials() == []


def test_open_webui_may_exchange_messages(server: Server) -> None:
    channels = ["socketio", "socketio#/#user:4711", "open-webui:tasks:commands", "open-webui:direct_completion"]
    client, listener = server.openwebui(1), server.openwebui(0).pubsub(ignore_subscribe_messages=True)
    listener.subscribe(*channels)
    wait_until(lambda: client.pubsub_numsub(*channels) == [(name, 1) for name in channels], "subscriptions", 10)
    listener.ping()

    received = {}
    for name in channels:
        assert client.publish(name, f"to {name}") == 1

    def collect() -> bool:
        message = listener.get_message(timeout=0.1)
        if message and message["type"] == "message":
            received[message["channel"]] = message["data"]
        return len(received) == len(channels)

    wait_until(collect, "messages", 10)
    listener.unsubscribe("socketio#/#user:4711")
    assert received == {name: f"to {name}" for name in channels}
    assert server.denials() == []


class RecordingManager(socketio.AsyncRedisManager):  # type: ignore[misc]
    """Socket.IO's manager with the events that reach it from other replicas."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.received: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def _handle_emit(self, message: dict[str, Any]) -> None:
        await self.received.put(message)


def test_socketio_carries_an_event_to_another_replica(server: Server) -> None:
    async def exchange() -> dict[str, Any]:
        manager = RecordingManager(server.url(1))
        socketio.AsyncServer(client_manager=manager, async_mode="asgi")
        manager.initialize()
        try:
            async with AsyncRedis.from_url(server.url(1)) as client:
                async with asyncio.timeout(10):
                    while (await client.pubsub_numsub("socketio"))[0][1] == 0:
                        await asyncio.sleep(0.02)
            other = socketio.AsyncRedisManager(server.url(1), write_only=True)
            await other.emit("events", {"chat_id": "1"}, room="user:4711")
            async with asyncio.timeout(10):
                return await manager.received.get()
        finally:
            manager.thread.cancel()
            await asyncio.gather(manager.thread, return_exceptions=True)

    message = asyncio.run(exchange())

    assert (message["event"], message["data"], message["room"]) == ("events", [{"chat_id": "1"}], "user:4711")
    assert server.denials() == []


def test_the_application_can_be_checked_with_redis_cli(server: Server, engine: str) -> None:
    def command_line(*arguments: str) -> str:
        command = [redis_program(f"{engine}-cli"), "-p", str(server.port), "--user", "openwebui", *arguments]
        environment = {**os.environ, "REDISCLI_AUTH": APPLICATION_PASSWORD}
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

    server.openwebui(1).hset("open-webui:session_pool", "sid", "{}")

    assert command_line("-n", "1", "HLEN", "open-webui:session_pool") == "1\n"
    assert command_line("PUBSUB", "NUMSUB", "socketio") == "socketio\n0\n"
    assert server.denials() == []


# --- the exporter


def test_the_exporter_may_read_statistics(server: Server) -> None:
    client = server.exporter()

    assert client.info("all")["maxmemory_policy"] == "noeviction"
    assert client.execute_command("CLIENT SETNAME", "redis_exporter")
    assert client.slowlog_len() == 0
    assert client.slowlog_get(10) == []
    assert client.latency_latest() == []
    client.execute_command("LATENCY HISTOGRAM")
    assert server.denials() == []


@pytest.mark.parametrize(
    "command",
    [
        ("GET", REVOKED),
        ("HGETALL", "open-webui:session_pool"),
        ("SET", "open-webui:x", "1"),
        ("MEMORY", "USAGE", "open-webui:x"),
        ("TYPE", "open-webui:x"),
        ("KEYS", "*"),
        ("SCAN", 0),
        ("EVAL", "return 1", 0),
        ("CONFIG", "GET", "*"),
        ("SLOWLOG", "RESET"),
        ("LATENCY", "RESET"),
        ("CLIENT", "KILL", "ID", "1"),
        ("ACL", "LIST"),
        ("FLUSHALL",),
        ("SUBSCRIBE", "socketio"),
        ("PUBLISH", "socketio", "x"),
    ],
    ids=lambda command: " ".join(map(str, command)),
)
def test_the_exporter_may_not(server: Server, command: tuple[str | int, ...]) -> None:
    assert refused(server.exporter(), *command)
