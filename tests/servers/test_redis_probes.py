"""The probes against servers that serve, load, are busy, hang, or follow a primary that is gone."""

import signal
import threading
from collections.abc import Callable

import pytest
import redis

from tests.support.servers.redis_load import fill
from tests.support.servers.redis_nodes import Nodes
from tests.support.servers.redis_nodes import nodes as nodes
from tests.support.servers.redis_probes import passes
from tests.support.servers.redis_server import INSPECTOR_PASSWORD, Server, Start, on_every_engine
from tests.support.servers.rendered import Find, Manifest
from tests.support.servers.server_process import wait_until

pytestmark = on_every_engine
READY_AND_ALIVE, ALIVE, NEITHER = (True, True), (False, True), (False, False)


@pytest.fixture
def answers(manifest: Find, engine: str) -> Callable[[Server], tuple[bool, bool]]:
    """Function: whether a server is ready, and whether it is alive."""
    deployment: Manifest = manifest("prod", "Deployment", "redis", (f"redis.engine={engine}",))

    def ask(server: Server) -> tuple[bool, bool]:
        ready, alive = (passes(probe, deployment, port=server.port) for probe in ("readinessProbe", "livenessProbe"))
        return ready, alive

    return ask


Answers = Callable[[Server], tuple[bool, bool]]


def test_a_server_that_serves_is_ready(server: Server, answers: Answers) -> None:
    assert answers(server) == READY_AND_ALIVE


def test_a_server_that_hangs_is_neither_ready_nor_alive(server: Server, answers: Answers) -> None:
    server.process.send_signal(signal.SIGSTOP)
    try:
        assert answers(server) == NEITHER
    finally:
        server.process.send_signal(signal.SIGCONT)
    assert answers(server) == READY_AND_ALIVE


def test_a_server_with_a_long_script_is_alive(start: Start, answers: Answers) -> None:
    with start("prod", "busy-reply-threshold 100") as server:
        client = server.openwebui()

        def run() -> None:
            with pytest.raises(redis.ResponseError, match="killed"):
                client.eval("while true do end", 0)

        busy = threading.Thread(target=run)
        busy.start()
        inspector = server.client("inspector", INSPECTOR_PASSWORD)
        try:
            wait_until(lambda: answers(server) == ALIVE, "an answer of a busy server", 20)
        finally:
            inspector.script_kill()
            busy.join()
        assert answers(server) == READY_AND_ALIVE


def test_a_server_that_loads_its_file_is_alive(start: Start, answers: Answers) -> None:
    sets = ("redis.durability=volume",)
    with start("prod", sets=sets) as server:
        fill(server.openwebui(), 16)
        inspector = server.client("inspector", INSPECTOR_PASSWORD)
        inspector.bgrewriteaof()
        wait_until(lambda: inspector.info("persistence")["aof_base_size"] > 1024, "a file whose keys are counted", 20)

    # 1024 keys, two milliseconds for each.
    with start(
        "prod", "key-load-delay 2000", "loading-process-events-interval-bytes 1024", sets=sets, loading=True
    ) as server:
        assert answers(server) == ALIVE
        wait_until(lambda: answers(server) == READY_AND_ALIVE, "a server that has loaded its file", 30)


def test_a_replica_without_its_primary_is_not_ready(nodes: Nodes, manifest: Find, engine: str) -> None:
    stateful_set = manifest("prod", "StatefulSet", "redis", ("redis.topology=sentinel", f"redis.engine={engine}"))

    def ready() -> list[bool]:
        return [
            passes("readinessProbe", stateful_set, host=node.address, directory=node.directory) for node in nodes.nodes
        ]

    master, *replicas = nodes.nodes
    assert ready() == [True, True, True]
    # Without a Sentinel, no replica is promoted.
    for node in nodes.nodes:
        node.kill("sentinel")
    master.kill("redis")
    nodes.wait(lambda: ready() == [False, False, False], "replicas that are not ready")
    assert [passes("livenessProbe", stateful_set, host=node.address) for node in replicas] == [True, True]
