"""External Sentinels and an external Redis Cluster: Open WebUI's own client with the variables that the stack sets."""

import re
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.servers.external_redis import (
    MASTER,
    SENTINEL_PORT,
    ExternalRedis,
    external_cluster,
    external_sentinels,
)
from tests.support.servers.open_webui import OpenWebUI
from tests.support.servers.open_webui_image import lay_out_image
from tests.support.servers.server_process import wait_until

KEY, END = "open-webui:count", "open-webui:end"
CLIENTS = """
import os, time
from open_webui.env import WEBSOCKET_REDIS_CLUSTER, WEBSOCKET_REDIS_URL
from open_webui.env import WEBSOCKET_SENTINEL_HOSTS, WEBSOCKET_SENTINEL_PORT
from open_webui.utils.redis import get_redis_client, get_redis_connection, get_sentinels_from_env
application = get_redis_client()
websockets = get_redis_connection(
    WEBSOCKET_REDIS_URL,
    get_sentinels_from_env(WEBSOCKET_SENTINEL_HOSTS, WEBSOCKET_SENTINEL_PORT),
    WEBSOCKET_REDIS_CLUSTER,
)
"""
"""As the application makes them: `open_webui.utils.redis` and `open_webui.socket.main`."""

USE = f"""{CLIENTS}
attempts, errors, ended = 0, [], False
deadline = time.monotonic() + float(os.environ.get("SECONDS_AT_MOST", "120"))
while not ended and time.monotonic() < deadline:
    attempts += 1
    try:
        websockets.hset(f"open-webui:pool:{{attempts % 16}}", "session", "1")
        application.incr("{KEY}")
        ended = application.get("{END}") is not None
    except Exception as error:
        errors.append(type(error).__name__)
    time.sleep(0.01)
print("attempts:", attempts, "errors:", *errors)
"""
"""What a replica does until another one sets the key `END`."""

SAY_END = f"{CLIENTS}\napplication.set('{END}', '1')"
RETRIES = ("REDIS_SENTINEL_MAX_RETRY_COUNT", "REDIS_RECONNECT_DELAY")


@pytest.fixture
def sentinels(directory: Path) -> Iterator[ExternalRedis]:
    with external_sentinels(directory) as servers:
        yield servers


@pytest.fixture
def cluster(directory: Path) -> Iterator[ExternalRedis]:
    with external_cluster(directory) as servers:
        yield servers


def replica(directory: Path, external: ExternalRedis, *sets: str, host: str, websocket_database: int) -> OpenWebUI:
    """Open WebUI's container as rendered with that Redis in the config. No database: the clients need none."""
    lay_out_image(directory / "image")
    hosts = ",".join(external.addresses)
    return OpenWebUI(
        directory=directory,
        environment="dev",
        sets=("redis.topology=external", f"redis.external.hosts={hosts}", *sets),
        secret_inputs={
            "redisCacheUrl": external.url(host, 0),
            "redisWebsocketUrl": external.url(host, websocket_database),
        },
    )


@pytest.fixture
def with_sentinels(directory: Path, sentinels: ExternalRedis) -> OpenWebUI:
    hosts = ",".join(sentinels.addresses)
    return replica(directory, sentinels, f"redis.external.sentinelHosts={hosts}", host=MASTER, websocket_database=1)


@pytest.fixture
def with_cluster(directory: Path, cluster: ExternalRedis) -> OpenWebUI:
    return replica(directory, cluster, "redis.external.kind=cluster", host=cluster.addresses[0], websocket_database=0)


@contextmanager
def used(
    open_webui: OpenWebUI, external: ExternalRedis, server: Callable[[], str], **changes: str | None
) -> Iterator[list[str]]:
    """A replica uses Redis while the block runs and until another replica ends it; the errors are in the list then.

    Args:
        open_webui: the container of both.
        external: its Redis.
        server: returns the address of the server that has `KEY`.
        changes: variables in place of the rendered ones; None leaves one out.
    """

    def count() -> int:
        return int(external.client(server()).get(KEY) or 0)

    errors: list[str] = []
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(open_webui.run, USE, **changes)
        wait_until(lambda: running.done() or count() > 20, "the first increments", 100)
        yield errors
        before = count()
        wait_until(lambda: running.done() or count() > before, "more increments", 60)
        other = open_webui.run(SAY_END)
        assert other.returncode == 0, other.stdout
        errors += outcome(running.result())


def outcome(done: "subprocess.CompletedProcess[str]") -> list[str]:
    """Names of the errors in the output of `USE`."""
    summary = re.search(r"^attempts: \d+ errors:(.*)$", done.stdout, re.MULTILINE)
    assert summary, done.stdout
    return summary[1].split()


def lose_master(sentinels: ExternalRedis) -> None:
    """Kill the primary, and have the Sentinels promote another server."""
    old = sentinels.master
    sentinels.processes[old].kill()
    assert sentinels.client(sentinels.addresses[0], SENTINEL_PORT).sentinel_failover(MASTER)
    wait_until(lambda: sentinels.master != old and is_master(sentinels, sentinels.master), "another master", 60)


def is_master(external: ExternalRedis, address: str) -> bool:
    return bool(external.client(address).role()[0] == "master")


def test_no_operation_fails_while_external_sentinels_replace_their_primary(
    with_sentinels: OpenWebUI, sentinels: ExternalRedis
) -> None:
    with used(with_sentinels, sentinels, lambda: sentinels.master) as errors:
        lose_master(sentinels)
    assert errors == []


def test_operations_fail_at_that_without_the_retries_that_the_stack_sets(
    with_sentinels: OpenWebUI, sentinels: ExternalRedis
) -> None:
    with used(with_sentinels, sentinels, lambda: sentinels.master, **dict.fromkeys(RETRIES)) as errors:
        lose_master(sentinels)
    assert errors != []


def test_no_operation_fails_while_a_member_of_an_external_cluster_is_replaced(
    with_cluster: OpenWebUI, cluster: ExternalRedis
) -> None:
    with used(with_cluster, cluster, lambda: cluster.master_of(KEY)) as errors:
        successor = cluster.replica_of(cluster.master_of(KEY))
        assert cluster.client(successor).execute_command("CLUSTER FAILOVER")
        wait_until(lambda: cluster.master_of(KEY) == successor, "the promoted replica", 60)
    assert errors == []


def test_operations_fail_on_an_external_cluster_without_the_variable_that_the_stack_sets(
    with_cluster: OpenWebUI,
) -> None:
    # The one of the websockets is that of the application where it is not set (`open_webui.env`).
    assert "MovedError" in outcome(with_cluster.run(USE, REDIS_CLUSTER=None, SECONDS_AT_MOST="2"))
