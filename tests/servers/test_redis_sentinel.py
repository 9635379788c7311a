"""Three nodes: what happens to the data and to the clients when the master goes, with and without notice."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis
import socketio  # type: ignore[import-untyped]

from components.redis.sentinel import client_variables
from stack_config.files import ROOT
from tests.servers.redis_nodes import PASSWORDS, SERVICE, Node, Nodes, write_users
from tests.servers.redis_nodes import nodes as nodes
from tests.servers.redis_server import APPLICATION_PASSWORD, INSPECTOR_PASSWORD, REVOKED, on_every_engine
from tests.servers.verify_in_web_pod import SERVED, redis_access

VARIABLES = client_variables()


class Proxy:
    """Operations as Open WebUI does them (`SentinelRedisProxy`): one pool of connections, retries of its variables."""

    def __init__(self, nodes: Nodes) -> None:
        self._sentinels = nodes.of_clients()
        self._master: Any = None

    def do(self, work: Any) -> Any:
        attempts = int(VARIABLES["REDIS_SENTINEL_MAX_RETRY_COUNT"])
        for attempt in range(attempts):
            try:
                self._master = self._master or self._sentinels.master_for(SERVICE)
                return work(self._master)
            except (redis.ConnectionError, redis.ReadOnlyError, redis.TimeoutError):
                self._master = None
                if attempt == attempts - 1:
                    raise
                time.sleep(int(VARIABLES["REDIS_RECONNECT_DELAY"]) / 1000)
        raise AssertionError("no attempt was made")


def operation(nodes: Nodes, work: Any) -> Any:
    """One operation of a process that has no connection yet."""
    return Proxy(nodes).do(work)


@contextmanager
def counting(nodes: Nodes) -> Iterator[list[Any]]:
    """Increments without a pause while the block runs; the list has the errors, the last entry the number answered."""
    outcome: list[Any] = []
    stop = threading.Event()
    proxy = Proxy(nodes)

    def work() -> None:
        answered = 0
        while not stop.is_set():
            try:
                proxy.do(lambda client: client.incr("open-webui:count"))
                answered += 1
            except Exception as error:
                outcome.append(error)
            time.sleep(0.01)
        outcome.append(answered)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        yield outcome
    finally:
        stop.set()
        worker.join()


def another_master(nodes: Nodes, old: Node) -> Node:
    nodes.wait(lambda: nodes.master is not old and nodes.master.role() == "master", "another master")
    return nodes.master


def revoke(nodes: Nodes) -> None:
    master = nodes.master.client()
    master.set(REVOKED, "1", ex=3600)
    assert master.wait(2, 5000) == 2


def revoked(nodes: Nodes) -> Any:
    return operation(nodes, lambda client: client.get(REVOKED))


@on_every_engine
def test_a_killed_master_is_replaced_and_comes_back_as_a_replica(nodes: Nodes) -> None:
    revoke(nodes)
    old = nodes.master
    old.kill()
    new = another_master(nodes, old)

    assert revoked(nodes) == "1"
    nodes.wait(lambda: _writes(nodes), "writes")
    old.start()
    nodes.wait(lambda: old.role() == "slave", "the old master as a replica")
    assert old.client().get(REVOKED) == "1"
    # Its own Sentinel was the one that remembered it as the master.
    nodes.wait(lambda: _knows_a_master(nodes, old), "its Sentinel")
    assert nodes.sentinel(old).sentinel_get_master_addr_by_name(SERVICE)[0] == new.name
    nodes.wait(lambda: all(nodes.agreed(node) for node in nodes.nodes), "the Sentinels know each other")


def _writes(nodes: Nodes) -> bool:
    try:
        return bool(operation(nodes, lambda client: client.set("open-webui:x", "1")))
    except redis.exceptions.ResponseError:  # no replica yet
        return False


@on_every_engine
def test_a_planned_switch_fails_no_request_and_loses_no_answer(nodes: Nodes) -> None:
    revoke(nodes)
    old = nodes.master
    with counting(nodes) as outcome:
        time.sleep(1)
        said = old.stop()
        another_master(nodes, old)
        time.sleep(1)

    *errors, answered = outcome
    assert errors == []
    assert answered > 50
    assert "handed over to" in said
    # An increment whose connection ended before its answer may have been done and was repeated.
    assert int(operation(nodes, lambda client: client.get("open-webui:count"))) in (answered, answered + 1)
    assert revoked(nodes) == "1"


@on_every_engine
def test_every_node_can_be_rolled_one_after_the_other(nodes: Nodes) -> None:
    revoke(nodes)
    with counting(nodes) as outcome:
        for node in reversed(nodes.nodes):
            node.stop()
            nodes.exist(*(each.name for each in nodes.nodes if each is not node))
            time.sleep(0.5)
            nodes.exist(*(each.name for each in nodes.nodes))
            for leftover in (node.directory / "run").iterdir():
                leftover.unlink()
            node.start()
            nodes.wait(lambda node=node: node.role() != "", f"{node.name} ready")
            nodes.wait(lambda node=node: _knows_a_master(nodes, node), f"the Sentinel of {node.name} ready")

    assert outcome[:-1] == []
    assert revoked(nodes) == "1"


def _knows_a_master(nodes: Nodes, node: Node) -> bool:
    try:
        return bool(nodes.sentinel(node).sentinel_get_master_addr_by_name(SERVICE))
    except redis.RedisError:
        return False


@on_every_engine
def test_a_master_that_comes_back_empty_at_once_wipes_nobody(nodes: Nodes) -> None:
    revoke(nodes)
    old = nodes.master
    # Long before the Sentinels count it as down: for them it has never been away.
    old.kill("redis")
    old.start("redis")

    another_master(nodes, old)
    nodes.wait(lambda: old.role() == "slave", "the old master as a replica")
    assert "it is empty" in old.log("redis")
    assert revoked(nodes) == "1"
    assert [node.client().get(REVOKED) for node in nodes.nodes] == ["1", "1", "1"]


@on_every_engine
def test_without_the_start_script_it_would_wipe_everybody(nodes: Nodes, engine: str) -> None:
    revoke(nodes)
    old = nodes.master
    old.kill("redis")
    old.commands["redis"] = [f"{engine}-server", str(old.directory / "run" / "redis.conf")]
    old.start("redis")

    others = [node for node in nodes.nodes if node is not old]
    nodes.wait(lambda: all(node.role() == "slave" and not node.client().exists(REVOKED) for node in others), "the loss")


def test_an_empty_master_waits_for_a_node_that_does_not_answer(nodes: Nodes) -> None:
    revoke(nodes)
    old = nodes.master
    for node in nodes.nodes:
        if node is not old:
            node.kill()
    old.kill("redis")
    old.start("redis")
    nodes.wait(lambda: "it may have data" in old.log("redis"), "the reason for which it waits")
    with pytest.raises(redis.ConnectionError):
        old.client().ping()

    # Somebody has deleted their pods: there is nothing left that could be wiped.
    nodes.exist(old.name)
    nodes.wait(lambda: old.role() == "master", "a master")


def test_nodes_that_all_lost_everything_start_again(nodes: Nodes) -> None:
    revoke(nodes)
    master = nodes.master
    for node in nodes.nodes:
        node.kill("redis")
    for node in nodes.nodes:
        node.start("redis")

    nodes.wait(lambda: sorted(node.role() for node in nodes.nodes) == ["master", "slave", "slave"], "all of them")
    nodes.wait(lambda: _writes(nodes), "writes")
    assert master.client().ping()


@on_every_engine
def test_a_master_that_is_cut_off_refuses_writes(nodes: Nodes) -> None:
    master = nodes.master
    for node in nodes.nodes:
        if node is not master:
            node.kill()

    def refuses() -> bool:
        try:
            master.client("openwebui", APPLICATION_PASSWORD).set("open-webui:x", "1")
        except redis.exceptions.ResponseError as error:
            return "NOREPLICAS" in str(error)
        return False

    nodes.wait(refuses, "refusal")


def test_events_go_on_after_a_failover(nodes: Nodes) -> None:
    hosts = ",".join(f"{node.address}:26379" for node in nodes.nodes)
    url = f"redis+sentinel://openwebui:{APPLICATION_PASSWORD}@{hosts}/1/{SERVICE}"
    credentials = {"username": "openwebui", "password": APPLICATION_PASSWORD}

    class Manager(socketio.AsyncRedisManager):  # type: ignore[misc]
        def __init__(self, **options: Any) -> None:
            super().__init__(url, redis_options={"sentinel_kwargs": dict(credentials)}, **options)
            self.received: asyncio.Queue[Any] = asyncio.Queue()

        async def _handle_emit(self, message: dict[str, Any]) -> None:
            await self.received.put(message["data"])

    async def exchange() -> None:
        manager = Manager()
        socketio.AsyncServer(client_manager=manager, async_mode="asgi")
        manager.initialize()
        sender = Manager(write_only=True)
        try:
            for when in ("before", "after"):
                async with asyncio.timeout(60):
                    while manager.received.empty():
                        await sender.emit("events", when, room="user:4711")
                        await asyncio.sleep(0.2)
                    while await manager.received.get() != [when]:
                        pass
                if when == "before":
                    old = nodes.master
                    await asyncio.to_thread(old.kill)
                    await asyncio.to_thread(another_master, nodes, old)
        finally:
            manager.thread.cancel()
            await asyncio.gather(manager.thread, return_exceptions=True)

    asyncio.run(exchange())


@on_every_engine
def test_a_sentinel_tells_clients_where_the_master_is_and_nothing_else(nodes: Nodes) -> None:
    node = nodes.nodes[0]

    def refused(user: str | None, password: str | None, command: str) -> bool:
        client: Any = redis.Redis(host=node.address, port=26379, username=user, password=password)
        try:
            client.execute_command(*command.split())
        except redis.exceptions.NoPermissionError:
            return True
        return False

    for command in (
        "SENTINEL FAILOVER main",
        "SENTINEL REMOVE main",
        "SENTINEL SET main quorum 1",
        "SENTINEL RESET *",
        "SENTINEL CONFIG GET *",
        "ACL LIST",
        "SHUTDOWN",
        "INFO",
    ):
        assert refused("openwebui", APPLICATION_PASSWORD, command), command
        assert refused(None, None, command), command
    assert refused(None, None, "SENTINEL GET-MASTER-ADDR-BY-NAME main")
    assert not refused("openwebui", APPLICATION_PASSWORD, "SENTINEL GET-MASTER-ADDR-BY-NAME main")
    assert refused("sentinel", PASSWORDS["sentinel"][0], "SENTINEL REMOVE main")
    assert refused("sentinel", PASSWORDS["sentinel"][0], "SENTINEL SET main quorum 1")


DENIED = {
    "replication": ("GET open-webui:x", "SET open-webui:x 1", "INFO", "CONFIG GET *", "ACL LIST", "REPLICAOF NO ONE"),
    "probe": ("GET open-webui:x", "INFO", "CONFIG GET *", "ACL LIST", "FLUSHALL"),
    "sentinel": (
        *("GET open-webui:x", "SET open-webui:x 1", "FLUSHALL", "KEYS *", "CONFIG GET *", "CONFIG SET maxmemory 1"),
        *("ACL LIST", "SUBSCRIBE socketio", "PUBLISH socketio x", "EVAL return(1) 0", "SHUTDOWN", "DEBUG SLEEP 0"),
    ),
}


@on_every_engine
def test_the_users_of_the_nodes_may_do_nothing_else_on_a_server(nodes: Nodes) -> None:
    allowed = []
    for user, commands in DENIED.items():
        client: Any = nodes.nodes[0].client(user, PASSWORDS[user][0])
        for command in commands:
            try:
                client.execute_command(*command.split())
            except redis.exceptions.NoPermissionError:
                continue
            except redis.ResponseError as error:
                if "DEBUG command not allowed" in str(error):
                    continue
            allowed.append(f"{user}: {command}")
    assert allowed == []


@on_every_engine
def test_nothing_was_denied_that_the_nodes_need(nodes: Nodes) -> None:
    old = nodes.master
    old.stop()
    another_master(nodes, old)
    for node in nodes.nodes:
        if node is old:
            continue
        for port in (6379, 26379):
            inspector = redis.Redis(
                host=node.address, port=port, username="inspector", password=INSPECTOR_PASSWORD, decode_responses=True
            )
            denied = [(e["username"], e["reason"], e["object"]) for e in inspector.acl_log()]
            assert [entry for entry in denied if entry[2] != "client|setinfo"] == [], (node.name, port)


def test_the_check_of_a_deployed_stack_asks_the_master(nodes: Nodes) -> None:
    url = f"redis://openwebui:{APPLICATION_PASSWORD}@{SERVICE}/0"
    hosts = ",".join(node.name for node in nodes.nodes)
    variables = {
        **VARIABLES,
        "REDIS_SENTINEL_HOSTS": hosts,
        "WEBSOCKET_SENTINEL_HOSTS": hosts,
        "REDIS_URL": url,
        "WEBSOCKET_REDIS_URL": url,
    }
    assert redis_access(variables, nodes.hosts, "access") == SERVED
    assert redis_access(variables, nodes.hosts, "subscribers") == 0


def test_a_new_pod_asks_the_master_and_every_sentinel(nodes: Nodes) -> None:
    script = f"""
import socket, sys
names = { ({node.name: node.address for node in nodes.nodes})!r}
real = socket.getaddrinfo
socket.getaddrinfo = lambda host, *a, **k: real(names.get(host, host), *a, **k)
sys.path.insert(0, {str(ROOT / "components" / "open_webui")!r})
import wait_for_redis
sys.exit(wait_for_redis.main())
"""

    def wait(password: str) -> int:
        url = f"redis://openwebui:{password}@{SERVICE}/0"
        environment = {**VARIABLES, "REDIS_URL": url, "WEBSOCKET_REDIS_URL": url, "WAIT_SECONDS": "1"}
        return subprocess.run([sys.executable, "-c", script], env=environment, timeout=60, check=False).returncode

    assert wait(APPLICATION_PASSWORD) == 0
    assert wait("another-Password") == 1


@on_every_engine
def test_a_rotated_password_reaches_the_sentinels_too(nodes: Nodes) -> None:
    revoke(nodes)
    rotated = {**PASSWORDS, "openwebui": [APPLICATION_PASSWORD, "second-Password"]}
    for node in nodes.nodes:
        node.start("reload-users")
    with counting(nodes) as outcome:
        for node in nodes.nodes:
            write_users(node.directory / "users", rotated)

        def takes(node: Node) -> bool:
            servers = (
                redis.Redis(host=node.address, port=port, username="openwebui", password="second-Password")
                for port in (6379, 26379)
            )
            try:
                return all(server.ping() for server in servers)
            except redis.AuthenticationError:
                return False

        for node in nodes.nodes:
            nodes.wait(lambda node=node: takes(node), f"the second password at {node.name}")

    assert outcome[:-1] == []
    assert revoked(nodes) == "1"
    # Redis 7.0 closes every connection when it loads the users; the Sentinels come back and have elected nobody else.
    nodes.wait(lambda: all(nodes.agreed(node) for node in nodes.nodes), "the Sentinels know each other", 10)
    assert nodes.master is nodes.nodes[0]
