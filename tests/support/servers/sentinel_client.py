"""What Open WebUI does with Redis when Sentinels lead to it."""

import time
from contextlib import AbstractContextManager
from typing import Any

import redis

from components.redis.topologies.clients import sentinel_variables
from components.redis.topologies.sentinel import SENTINEL_HOSTS, SENTINEL_PORT
from tests.support.servers.redis_nodes import SERVICE, Node, Nodes
from tests.support.servers.redis_nodes import nodes as nodes
from tests.support.servers.redis_server import REVOKED
from tests.support.servers.steady_requests import Outcome, steady

VARIABLES = sentinel_variables(SENTINEL_HOSTS, SENTINEL_PORT)


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


def counting(nodes: Nodes) -> AbstractContextManager[Outcome]:
    """Increments while the block runs."""
    proxy = Proxy(nodes)
    return steady(lambda _: proxy.do(lambda client: client.incr("open-webui:count")), pause=0.01)


def another_master(nodes: Nodes, old: Node) -> Node:
    nodes.wait(lambda: nodes.master is not old and nodes.master.role() == "master", "another master")
    return nodes.master


def revoke(nodes: Nodes) -> None:
    master = nodes.master.client()
    master.set(REVOKED, "1", ex=3600)
    assert master.wait(2, 5000) == 2


def revoked(nodes: Nodes) -> Any:
    return operation(nodes, lambda client: client.get(REVOKED))
