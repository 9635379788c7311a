"""A Redis that the stack did not set up: plain servers with a user of their own, as Sentinels or a Redis Cluster."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis

from tests.support.servers.addresses import free_network
from tests.support.servers.redis_server import Client
from tests.support.servers.server_process import give_away, redis_program, running, wait_until

USER, PASSWORD = "team-chat", "external-Password-1"
MASTER = "team-master"
SERVER_PORT, SENTINEL_PORT = 6379, 26379

_USER = f"user {USER} on >{PASSWORD} ~* &* +@all\n"


@dataclass(frozen=True)
class ExternalRedis:
    """Running servers, each at an address of its own and at the usual ports."""

    addresses: list[str]
    processes: "dict[str, subprocess.Popen[bytes]]"
    """The servers by their addresses."""

    def client(self, address: str, port: int = SERVER_PORT) -> Client:
        """A client of one server."""
        return redis.Redis(host=address, port=port, username=USER, password=PASSWORD, decode_responses=True)

    def url(self, host: str, database: int) -> str:
        """URL for Open WebUI."""
        return f"redis://{USER}:{PASSWORD}@{host}/{database}"

    @property
    def master(self) -> str:
        """Address of the primary that a Sentinel names."""
        return str(self.client(self.addresses[0], SENTINEL_PORT).sentinel_get_master_addr_by_name(MASTER)[0])

    def master_of(self, key: str) -> str:
        """Address of the member of the Redis Cluster that serves the key."""
        slot = self.client(self.addresses[0]).cluster("keyslot", key)
        owners = [
            str(node).rpartition(":")[0]
            for node, state in self.client(self.addresses[-1]).cluster("nodes").items()
            for first, *rest in state["slots"]
            if int(first) <= slot <= int((rest or [first])[0])
        ]
        return owners[0]

    def replica_of(self, master: str) -> str:
        """Address of a replica of a member."""
        nodes = self.client(master).cluster("nodes")
        [own] = [state["node_id"] for state in nodes.values() if "myself" in state["flags"]]
        return next(str(node).rpartition(":")[0] for node, state in nodes.items() if state["master_id"] == own)


@contextmanager
def external_sentinels(directory: Path) -> Iterator[ExternalRedis]:
    """Three servers with a Sentinel beside each while the block runs."""
    network = free_network()
    addresses = [f"{network}.{number}" for number in (1, 2, 3)]
    with ExitStack() as stack:
        processes = {}
        for address in addresses:
            follows = f"replicaof {addresses[0]} {SERVER_PORT}\n" if address != addresses[0] else ""
            conf = f"masteruser {USER}\nmasterauth {PASSWORD}\nrepl-diskless-sync-delay 0\n{follows}"
            processes[address] = stack.enter_context(_server(directory, address, SERVER_PORT, conf))
        external = ExternalRedis(addresses, processes)
        first = external.client(addresses[0])
        wait_until(lambda: first.info("replication")["connected_slaves"] == 2, "the replicas")
        for address in addresses:
            conf = (
                f"sentinel monitor {MASTER} {addresses[0]} {SERVER_PORT} 2\n"
                f"sentinel auth-user {MASTER} {USER}\nsentinel auth-pass {MASTER} {PASSWORD}\n"
                f"sentinel down-after-milliseconds {MASTER} 5000\nsentinel failover-timeout {MASTER} 5000\n"
            )
            stack.enter_context(_server(directory, address, SENTINEL_PORT, conf, "--sentinel"))
        wait_until(lambda: all(_knows_the_others(external, address) for address in addresses), "the Sentinels", 30)
        yield external


def _knows_the_others(external: ExternalRedis, address: str) -> bool:
    state = external.client(address, SENTINEL_PORT).sentinel_master(MASTER)
    return (state["num-other-sentinels"], state["num-slaves"]) == (2, 2)


@contextmanager
def external_cluster(directory: Path) -> Iterator[ExternalRedis]:
    """A Redis Cluster of three primaries and a replica of each while the block runs."""
    network = free_network()
    addresses = [f"{network}.{number}" for number in range(1, 7)]
    conf = f"masteruser {USER}\nmasterauth {PASSWORD}\nrepl-diskless-sync-delay 0\ncluster-enabled yes\n"
    conf += "cluster-node-timeout 2000\n"
    with ExitStack() as stack:
        processes = {each: stack.enter_context(_server(directory, each, SERVER_PORT, conf)) for each in addresses}
        external = ExternalRedis(addresses, processes)
        create = [redis_program("redis-cli"), "--user", USER, "--pass", PASSWORD, "--cluster", "create"]
        servers = [f"{address}:{SERVER_PORT}" for address in addresses]
        done = subprocess.run(
            [*create, *servers, "--cluster-replicas", "1", "--cluster-yes"],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        wait_until(lambda: all(_serves(external, address) for address in addresses), "the Redis Cluster", 30)
        yield external


def _serves(external: ExternalRedis, address: str) -> bool:
    client = external.client(address)
    role = client.role()
    linked = role[0] == "master" or role[3] == "connected"
    return bool(linked and client.cluster("info")["cluster_state"] == "ok")


@contextmanager
def _server(directory: Path, address: str, port: int, conf: str, *options: str) -> "Iterator[subprocess.Popen[bytes]]":
    place = directory / f"{address}-{port}"
    place.mkdir()
    file = place / "redis.conf"
    # What it connects to knows it by the address from which it does.
    network = f"bind {address}\nbind-source-addr {address}\nport {port}\nprotected-mode no\n"
    file.write_text(f'{network}dir {place}\nsave ""\n{_USER}{conf}')
    for path in (place, file):
        give_away(path)
    log = place / "server.log"
    command = [redis_program("redis-server"), str(file), *options]
    client = redis.Redis(host=address, port=port, username=USER, password=PASSWORD)

    def answers() -> bool:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False

    with running(command, directory=place, log=log, stop_signal=signal.SIGKILL) as process:
        wait_until(answers, f"the server at {address}:{port}")
        yield process
