"""TLS of the stack's own Redis: no client is served without it or with another authority; renewal needs no restart."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import socketio  # type: ignore[import-untyped]

from components.redis.server.acl import USERS
from components.redis.topologies.authority import authority as authority_in
from components.redis.topologies.authority import with_authority
from tests.support.servers.addresses import free_network
from tests.support.servers.certificates import certify, make_authority
from tests.support.servers.redis_cluster import PASSWORDS, cluster_of
from tests.support.servers.redis_nodes import Node, Nodes, make_node, names_wrapper, resolve_names, write_users
from tests.support.servers.redis_probes import passes
from tests.support.servers.redis_server import APPLICATION_PASSWORD, ENGINES, WITHOUT_PAUSES, Client
from tests.support.servers.redis_wait import redis_wait
from tests.support.servers.rendered import Find
from tests.support.servers.server_process import redis_program, wait_until
from tests.support.servers.verify_in_web_pod import SERVED, redis_access

HOST = "redis-service"
TLS = ("redis.tls.secretName=redis-tls",)
USED = ("openwebui", "exporter", "reload", "replication", "certificates")


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Each of them that was built with TLS."""
    name = str(request.param)
    client = redis_program(f"{name}-cli")
    if "--tls " not in subprocess.run([client, "--help"], check=True, capture_output=True, text=True).stdout:
        pytest.skip(f"{client} was built without TLS; a system's package of {name} has it")
    return name


@pytest.fixture
def authority(directory: Path) -> Path:
    """Directory of the authority."""
    return make_authority(directory / "authority").parent


@pytest.fixture
def node(
    directory: Path, authority: Path, manifest: Find, engine: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Node]:
    """A server that runs, known as the Service."""
    hosts = directory / "hosts"
    sets = (*TLS, f"redis.engine={engine}")
    workload = manifest("dev", "Deployment", "redis", sets)["spec"]
    files = manifest("dev", "ConfigMap", "redis-conf", sets)["data"]
    made = make_node(directory / "redis", HOST, f"{free_network()}.1", workload, files, hosts)
    hosts.write_text(f"{made.address} {HOST}\n")
    resolve_names(Nodes([made], hosts), monkeypatch)
    certify(authority, made.directory / "tls", HOST)
    write_users(made.directory / "users", {name: PASSWORDS[name] for name in USED}, USERS)
    made.start("redis")
    try:
        wait_until(lambda: serves(client(HOST, authority)), "the server", 20)
        yield made
    finally:
        made.kill()


def url(host: str, authority: Path) -> str:
    """As Open WebUI has it, with the file of these tests."""
    mounted = authority_in("redis-tls")
    address = with_authority(f"rediss://openwebui:{APPLICATION_PASSWORD}@{host}:6379/0", mounted)
    return address.replace(mounted.file, f"{authority}/ca.crt")


def client(host: str, authority: Path) -> Client:
    return redis.Redis.from_url(url(host, authority), retry=WITHOUT_PAUSES, socket_timeout=5)


def without_tls(host: str) -> Client:
    return redis.Redis(host=host, port=6379, retry=WITHOUT_PAUSES, socket_timeout=5)


def serves(any_client: Client) -> bool:
    try:
        return bool(any_client.set("open-webui:x", "1"))
    except redis.ConnectionError:
        return False


def test_who_trusts_the_authority_is_served_by_name(node: Node, authority: Path, directory: Path) -> None:
    assert serves(client(HOST, authority))
    with pytest.raises(redis.ConnectionError, match=r"CERTIFICATE_VERIFY_FAILED.*IP address mismatch"):
        client(node.address, authority).ping()
    other = make_authority(directory / "other").parent
    with pytest.raises(redis.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
        client(HOST, other).ping()


def test_no_client_is_served_without_tls(node: Node) -> None:
    with pytest.raises(redis.ConnectionError):
        without_tls(HOST).ping()
    process = node.processes["redis"].pid
    listening = subprocess.run(["ss", "-Hltnp"], check=True, capture_output=True, text=True).stdout
    assert [line.split()[3] for line in listening.splitlines() if f"pid={process}," in line] == [f"{node.address}:6379"]


def test_the_probes_of_the_manifest_speak_tls(node: Node, manifest: Find, engine: str) -> None:
    deployment = manifest("dev", "Deployment", "redis", (*TLS, f"redis.engine={engine}"))

    def answers(probe: str) -> bool:
        return passes(probe, deployment, host=node.address)

    probes = ("readinessProbe", "livenessProbe")
    assert [answers(probe) for probe in probes] == [True, True]
    node.kill()
    assert [answers(probe) for probe in probes] == [False, False]


@pytest.mark.usefixtures("node")
def test_the_check_of_a_deployed_stack_speaks_tls(authority: Path, directory: Path) -> None:
    variables = dict.fromkeys(("REDIS_URL", "WEBSOCKET_REDIS_URL"), url(HOST, authority))
    assert redis_access(variables, directory / "hosts", "access") == SERVED


@pytest.mark.usefixtures("node")
def test_a_new_pod_waits_for_a_server_with_the_certificate_of_its_authority(authority: Path, directory: Path) -> None:
    names = {"LD_PRELOAD": names_wrapper(), "NSS_WRAPPER_HOSTS": str(directory / "hosts")}
    other = make_authority(directory / "another").parent
    for trusted, status in ((authority, 0), (other, 1)):
        waiting = redis_wait(url(HOST, trusted), 1, **names)
        output, _ = waiting.communicate(timeout=60)
        assert waiting.returncode == status, output


@pytest.mark.usefixtures("node")
def test_events_go_by_tls(authority: Path) -> None:
    class Manager(socketio.AsyncRedisManager):  # type: ignore[misc]
        def __init__(self, **options: Any) -> None:
            super().__init__(url(HOST, authority), **options)
            self.received: asyncio.Queue[Any] = asyncio.Queue()

        async def _handle_emit(self, message: dict[str, Any]) -> None:
            await self.received.put(message["data"])

    async def exchange() -> Any:
        manager = Manager()
        socketio.AsyncServer(client_manager=manager, async_mode="asgi")
        manager.initialize()
        sender = Manager(write_only=True)
        try:
            async with asyncio.timeout(20):
                while manager.received.empty():
                    await sender.emit("events", "here", room="user:4711")
                    await asyncio.sleep(0.1)
            return await manager.received.get()
        finally:
            manager.thread.cancel()
            await asyncio.gather(manager.thread, return_exceptions=True)

    assert asyncio.run(exchange()) == ["here"]


def test_a_renewed_certificate_is_taken_without_a_restart(node: Node, authority: Path, directory: Path) -> None:
    node.start("reload-users")
    first = ("Loaded the certificate.", "Loaded the ACL file.")
    wait_until(lambda: all(text in node.log("reload-users") for text in first), "the first look", 20)
    connected = client(HOST, authority)
    connected.set("open-webui:kept", "1")

    # Another authority altogether: with the old one alone the new certificate would not be believed.
    other = make_authority(directory / "other").parent
    certify(other, node.directory / "tls", HOST)

    wait_until(lambda: serves(client(HOST, other)), "the new certificate", 20)
    with pytest.raises(redis.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
        client(HOST, authority).ping()
    # A client that is connected stays connected.
    assert connected.get("open-webui:kept") == b"1"


def test_a_cluster_with_tls_moves_hash_slots_and_fails_over(
    directory: Path, authority: Path, manifest: Find, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"ssl": True, "ssl_ca_certs": str(authority / "ca.crt")}
    four = "redis.cluster.masters=4"
    with cluster_of(directory, manifest, *TLS, f"redis.engine={engine}", options=options) as cluster:
        resolve_names(cluster, monkeypatch)
        cluster.bring_up()
        written = {f"open-webui:{number}": str(number) for number in range(200)}
        client = cluster.client()
        for key, value in written.items():
            client.set(key, value)
        for each in cluster.nodes:
            with pytest.raises(redis.ConnectionError):
                without_tls(each.name).ping()
        for new in cluster.add_nodes(four):
            cluster.exist(*(each.name for each in cluster.nodes))
            new.start()
        assert "4 primaries, 16384 hash slots" in cluster.set_up(four)
        assert cluster.parts()[cluster.nodes[6].name] >= 0.95 * 4096

        old = cluster.master_of("open-webui:1")
        assert "this server is not a primary" in old.stop()
        client = cluster.client()
        assert {key: client.get(key) for key in written} == written
