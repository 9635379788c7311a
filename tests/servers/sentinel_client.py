"""What Open WebUI does with Redis when Sentinels lead to it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis

from components.redis.sentinel import client_variables
from tests.servers.redis_nodes import SERVICE, Node, Nodes
from tests.servers.redis_nodes import nodes as nodes
from tests.servers.redis_server import REVOKED

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
