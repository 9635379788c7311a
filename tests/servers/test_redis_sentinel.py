"""Three nodes: what happens to the data and to the clients when the primary goes, with and without notice."""

import asyncio
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
import socketio  # type: ignore[import-untyped]

from tests.support.servers.redis_nodes import SERVICE, Node, Nodes, nodes_of
from tests.support.servers.redis_nodes import nodes as nodes
from tests.support.servers.redis_server import APPLICATION_PASSWORD, REVOKED, on_every_engine
from tests.support.servers.rendered import Find
from tests.support.servers.sentinel_client import another_master, counting, operation, revoke, revoked
from tests.support.servers.steady_requests import Outcome


@on_every_engine
def test_the_nodes_agree_when_they_start_as_a_stateful_set_starts_them(
    directory: Path, manifest: Find, engine: str
) -> None:
    with nodes_of(directory, manifest, f"redis.engine={engine}") as nodes:
        nodes.bring_up_pods()
        assert nodes.master is nodes.nodes[0]
        assert [node.role() for node in nodes.nodes] == ["master", "slave", "slave"]


@on_every_engine
def test_a_killed_primary_is_replaced_and_comes_back_as_a_replica(nodes: Nodes) -> None:
    revoke(nodes)
    old = nodes.master
    old.kill()
    new = another_master(nodes, old)

    assert revoked(nodes) == "1"
    nodes.wait(lambda: _writes(nodes), "writes")
    old.start()
    nodes.wait(lambda: old.role() == "slave", "the old primary as a replica")
    assert old.client().get(REVOKED) == "1"
    # Its own Sentinel is the one that remembered it as the primary.
    nodes.wait(lambda: _knows_a_master(nodes, old), "its Sentinel")
    assert nodes.sentinel(old).sentinel_get_master_addr_by_name(SERVICE)[0] == new.name
    nodes.wait(lambda: all(nodes.agreed(node) for node in nodes.nodes), "the Sentinels know each other")


def _writes(nodes: Nodes) -> bool:
    try:
        return bool(operation(nodes, lambda client: client.set("open-webui:x", "1")))
    except redis.exceptions.ResponseError:  # no replica yet
        return False


def await_requests(nodes: Nodes, outcome: Outcome) -> None:
    """Wait until some more requests have been answered."""
    enough = outcome.answered + 30
    nodes.wait(lambda: outcome.answered >= enough or bool(outcome.errors), "requests that are answered")


@on_every_engine
def test_a_planned_switch_fails_no_request_and_loses_no_answer(nodes: Nodes) -> None:
    revoke(nodes)
    old = nodes.master
    with counting(nodes) as outcome:
        await_requests(nodes, outcome)
        output = old.stop()
        another_master(nodes, old)
        await_requests(nodes, outcome)

    assert outcome.errors == []
    assert "switched over to" in output
    # An increment whose connection ended before its answer may have been done and was repeated.
    assert int(operation(nodes, lambda client: client.get("open-webui:count"))) in (
        outcome.answered,
        outcome.answered + 1,
    )
    assert revoked(nodes) == "1"


@on_every_engine
def test_a_replica_stops_when_the_primary_has_another_one(nodes: Nodes) -> None:
    leaving, other = [node for node in nodes.nodes if node is not nodes.master]
    other.stop()
    nodes.wait(lambda: nodes.master.client().info("replication")["connected_slaves"] == 1, "one replica")
    with ThreadPoolExecutor() as pool:
        pre_stop = pool.submit(leaving.hand_over)
        time.sleep(2)
        assert not pre_stop.done()
        other.start()
        assert pre_stop.result(timeout=10) == ""
    assert nodes.master.client().info("replication")["connected_slaves"] == 2

    other.stop()
    script = leaving.directory / "conf" / "hand-over.sh"
    assert "\nseconds_of_a_replica=10\n" in script.read_text()
    script.write_text(script.read_text().replace("seconds_of_a_replica=10", "seconds_of_a_replica=4"))
    began = time.monotonic()
    assert f"leaving {nodes.master.name} without a replica" in leaving.hand_over()
    assert 2 < time.monotonic() - began < 20


@contextmanager
def unanswering(address: str) -> Iterator[None]:
    """Accepts connections at the address, and never reads from them."""
    with socket.create_server((address, 6379)):
        yield


def looks_for(nodes: Nodes, sentinel: Node, node: Node) -> bool:
    """Whether a Sentinel takes a replica to be down."""
    replicas = nodes.sentinel(sentinel).sentinel_slaves(SERVICE)
    return any("s_down" in replica["flags"] for replica in replicas if replica["ip"] == node.name)


@on_every_engine
def test_a_replica_that_the_sentinels_look_for_elsewhere_follows_the_new_primary(nodes: Nodes) -> None:
    revoke(nodes)
    old = nodes.master
    replaced, other = [node for node in nodes.nodes if node is not old]
    replaced.stop()
    with unanswering(replaced.address):
        nodes.wait(lambda: looks_for(nodes, other, replaced), "a replica that is down")
        time.sleep(2)  # the next connection has been made, which stays for 15 s
        replaced.move(replaced.address.rpartition(".")[0] + ".9")
        nodes.exist(*(node.name for node in nodes.nodes))
        replaced.start()
        nodes.wait(lambda: replaced.role() == "slave", "the replica at its new address")
        assert looks_for(nodes, other, replaced)
        with counting(nodes) as outcome:
            output = old.stop()
            another_master(nodes, old)
            await_requests(nodes, outcome)

    assert f"switched over to {other.name}" in output
    assert outcome.errors == []
    assert replaced.client().role()[1] == other.name
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

    assert outcome.errors == []
    assert revoked(nodes) == "1"


def _knows_a_master(nodes: Nodes, node: Node) -> bool:
    try:
        return bool(nodes.sentinel(node).sentinel_get_master_addr_by_name(SERVICE))
    except redis.RedisError:
        return False


@on_every_engine
def test_a_primary_that_comes_back_empty_at_once_wipes_no_replica(nodes: Nodes) -> None:
    revoke(nodes)
    old = nodes.master
    # Long before the Sentinels count it as down: for them it has never been away.
    old.kill("redis")
    old.start("redis")

    another_master(nodes, old)
    nodes.wait(lambda: old.role() == "slave", "the old primary as a replica")
    assert "this primary is empty" in old.log("redis")
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


def test_an_empty_primary_waits_for_a_node_that_does_not_answer(nodes: Nodes) -> None:
    revoke(nodes)
    old = nodes.master
    for node in nodes.nodes:
        if node is not old:
            node.kill()
    old.kill("redis")
    old.start("redis")
    nodes.wait(lambda: "may have data" in old.log("redis"), "the reason for which it waits")
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
def test_a_primary_that_is_cut_off_refuses_writes(nodes: Nodes) -> None:
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
