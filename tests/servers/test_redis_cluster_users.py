"""A cluster, for its users: what Open WebUI does on one and what it cannot, and what each user is denied."""

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import redis
import socketio  # type: ignore[import-untyped]
from redis.asyncio.cluster import RedisCluster as AsyncRedisCluster
from redis.exceptions import MovedError, NoPermissionError, RedisClusterException, ResponseError

from components.redis.topologies.clients import CLUSTER_VARIABLES
from tests.support.servers.redis_cluster import PASSWORDS, Cluster, cluster_of
from tests.support.servers.redis_nodes import names_wrapper, resolve_names
from tests.support.servers.redis_server import APPLICATION_PASSWORD, ENGINES
from tests.support.servers.redis_wait import redis_wait
from tests.support.servers.rendered import rendered
from tests.support.servers.server_process import server_directory, wait_until
from tests.support.servers.verify_in_web_pod import SERVED, redis_access


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Each of them: every test here."""
    return str(request.param)


@pytest.fixture(scope="module")
def cluster(engine: str) -> Iterator[Cluster]:
    """One for all tests of this file."""
    with (
        server_directory() as directory,
        pytest.MonkeyPatch.context() as monkeypatch,
        cluster_of(directory, rendered, f"redis.engine={engine}") as made,
    ):
        resolve_names(made, monkeypatch)
        made.bring_up()
        # Clients are not told of a replica that has not received anything yet.
        made.wait(lambda: len(made.client().get_nodes()) == len(made.nodes), "clients know the replicas")
        yield made


def asynchronous(cluster: Cluster) -> Any:
    return AsyncRedisCluster(
        host=cluster.nodes[0].name, username="openwebui", password=APPLICATION_PASSWORD, decode_responses=True
    )


def test_open_webui_may_do_there_what_it_does(cluster: Cluster) -> None:
    client, name = cluster.client(), "open-webui:things"
    assert client.hset(name, mapping={"a": "1", "b": "2"}) == 2
    assert (client.hgetall(name), client.hscan(name, 0, count=100)[1]) == ({"a": "1", "b": "2"},) * 2
    assert client.set("open-webui:usage_cleanup_lock", "me", nx=True, ex=60)
    release = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"
    assert client.eval(release, 1, "open-webui:usage_cleanup_lock", "me") == 1
    # Two keys of one script have the same part of their names in braces.
    count = "redis.call('set', KEYS[1], ARGV[1]) return redis.call('exists', KEYS[2])"
    assert client.eval(count, 2, "open-webui:encryption:{x}", "open-webui:encryption:{x}:lock", "1") == 0

    async def tasks() -> None:
        async with asynchronous(cluster) as many:
            pipeline = many.pipeline(transaction=False)
            for number in range(20):
                pipeline.set(f"open-webui:tasks:{number}", "1", ex=60)
            assert all(await pipeline.execute())
            note = "open-webui:ydoc:documents:n:updates"
            compact = many.pipeline()
            compact.delete(note)
            compact.rpush(note, "snapshot", "change")
            assert (await compact.execute())[-1] == 2
            async with many.lock("open-webui:ydoc:documents:n:lock", timeout=60, blocking_timeout=5) as lock:
                assert await lock.owned()

    asyncio.run(tasks())
    assert cluster.denials() == []


def test_a_command_to_stop_a_task_reaches_every_replica(cluster: Cluster) -> None:
    channel = "open-webui:tasks:commands"

    async def exchange() -> Any:
        async with asynchronous(cluster) as one, asynchronous(cluster) as other:
            await one.initialize()
            listener = one.pubsub()
            await listener.subscribe(channel)
            async with asyncio.timeout(20):
                while True:
                    await other.execute_command("PUBLISH", channel, "stop")
                    message = await listener.get_message(ignore_subscribe_messages=True, timeout=0.2)
                    if message:
                        await listener.aclose()
                        return message["data"]

    assert asyncio.run(exchange()) == "stop"
    assert cluster.denials() == []


class Manager(socketio.AsyncRedisManager):  # type: ignore[misc]
    """Socket.IO's manager with the events that reach it from other replicas."""

    def __init__(self, address: str, **options: Any) -> None:
        super().__init__(f"redis://openwebui:{APPLICATION_PASSWORD}@{address}:6379/0", **options)
        self.received: asyncio.Queue[Any] = asyncio.Queue()

    async def _handle_emit(self, message: dict[str, Any]) -> None:
        await self.received.put(message["data"])


def test_an_event_published_at_one_node_arrives_at_every_other(cluster: Cluster) -> None:
    async def exchange() -> list[Any]:
        managers = [Manager(node.name) for node in cluster.nodes]
        for manager in managers:
            socketio.AsyncServer(client_manager=manager, async_mode="asgi")
            manager.initialize()
        sender = Manager(cluster.nodes[0].name, write_only=True)
        try:
            async with asyncio.timeout(30):
                while any(manager.received.empty() for manager in managers):
                    await sender.emit("events", "here", room="user:4711")
                    await asyncio.sleep(0.2)
            return [await manager.received.get() for manager in managers]
        finally:
            for manager in managers:
                manager.thread.cancel()
            await asyncio.gather(*(manager.thread for manager in managers), return_exceptions=True)

    assert asyncio.run(exchange()) == [["here"]] * 6
    assert cluster.denials() == []


def test_subscribers_are_counted_by_each_node_alone(cluster: Cluster) -> None:
    clients: list[Any] = [
        redis.Redis(host=node.name, username="openwebui", password=APPLICATION_PASSWORD) for node in cluster.nodes[:2]
    ]
    first, second = clients
    listener = first.pubsub()
    listener.subscribe("socketio#/#count")
    wait_until(lambda: first.pubsub_numsub("socketio#/#count")[0][1] == 1, "the subscription", 10)
    assert second.pubsub_numsub("socketio#/#count")[0][1] == 0
    listener.close()


def test_the_check_of_a_deployed_stack_asks_every_node(cluster: Cluster) -> None:
    clients: list[Any] = [
        redis.Redis(host=node.name, username="openwebui", password=APPLICATION_PASSWORD) for node in cluster.nodes
    ]
    listeners = [client.pubsub() for client in clients]
    for listener in listeners:
        listener.subscribe("socketio")
        assert listener.get_message(timeout=10)["type"] == "subscribe"
    variables = {**CLUSTER_VARIABLES, **dict.fromkeys(("REDIS_URL", "WEBSOCKET_REDIS_URL"), url(cluster))}

    assert redis_access(variables, cluster.hosts, "access") == SERVED
    assert redis_access(variables, cluster.hosts, "subscribers") >= 6
    wrong = {**variables, "WEBSOCKET_REDIS_URL": url(cluster).replace(APPLICATION_PASSWORD, "wrong")}
    assert redis_access(wrong, cluster.hosts, "access")["WEBSOCKET_REDIS_URL"]


def url(cluster: Cluster) -> str:
    return f"redis://openwebui:{APPLICATION_PASSWORD}@{cluster.nodes[0].name}:6379/0"


def test_a_new_pod_waits_until_every_node_takes_its_credentials(cluster: Cluster) -> None:
    names = {"LD_PRELOAD": names_wrapper(), "NSS_WRAPPER_HOSTS": str(cluster.hosts)}

    def wait(address: str) -> tuple[int, str]:
        waiting = redis_wait(address, 1, **CLUSTER_VARIABLES, **names)
        printed, _ = waiting.communicate(timeout=60)
        return waiting.returncode, printed.splitlines()[-1] if printed else ""

    assert wait(url(cluster)) == (0, "")
    code, refused = wait(url(cluster).replace(APPLICATION_PASSWORD, "wrong"))
    assert (code, refused.partition(": ")[2]) == (
        1,
        "Redis did not accept the credentials of this pod within 1 s: AuthenticationError",
    )
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        code, unreachable = wait(f"redis://openwebui:{APPLICATION_PASSWORD}@127.0.0.1:{bound.getsockname()[1]}/0")
    assert code == 1
    assert unreachable.endswith("within 1 s: ConnectionError")


def test_a_new_pod_goes_on_when_the_nodes_learn_its_password(cluster: Cluster) -> None:
    names = {"LD_PRELOAD": names_wrapper(), "NSS_WRAPPER_HOSTS": str(cluster.hosts)}
    rotated = "rotated-" + APPLICATION_PASSWORD
    waiting = redis_wait(url(cluster).replace(APPLICATION_PASSWORD, rotated), 60, **CLUSTER_VARIABLES, **names)
    assert waiting.stdout is not None
    assert waiting.stdout.readline().rstrip().endswith("Redis is not ready for this pod: AuthenticationError")
    for node in cluster.nodes:
        node.client().execute_command("ACL", "SETUSER", "openwebui", f">{rotated}")
    try:
        printed, _ = waiting.communicate(timeout=60)
    finally:
        for node in cluster.nodes:
            node.client().execute_command("ACL", "SETUSER", "openwebui", f"<{rotated}")

    assert waiting.returncode == 0
    assert printed.rstrip().endswith("Redis accepts the credentials of this pod.")


def test_what_open_webui_cannot_do_on_a_cluster(cluster: Cluster) -> None:
    buckets = [f"open-webui:ratelimit:somebody@example.com:{number}" for number in range(4)]

    async def rate_limit() -> None:
        async with asynchronous(cluster) as client:
            await client.mget(buckets)

    # Rate limits: Open WebUI counts by itself then, each replica for its own.
    with pytest.raises((RedisClusterException, ResponseError), match="slot"):
        asyncio.run(rate_limit())

    # OAuth with ENABLE_STAR_SESSIONS_MIDDLEWARE: its store has a client for one server.
    one_server = redis.Redis(host=cluster.nodes[0].name, username="openwebui", password=APPLICATION_PASSWORD)
    elsewhere = next(
        key
        for key in (f"open-webui:session:{number}" for number in range(100))
        if cluster.master_of(key) is not cluster.nodes[0]
    )
    with pytest.raises(MovedError):
        one_server.set(elsewhere, "x", ex=60)

    # Two databases.
    with pytest.raises(ResponseError, match="SELECT is not allowed in cluster mode"):
        redis.Redis(host=cluster.nodes[0].name, db=1, username="openwebui", password=APPLICATION_PASSWORD).ping()


DENIED = {
    None: ("GET open-webui:x", "CLUSTER NODES", "CLUSTER SLOTS", "INFO"),
    "openwebui": (
        *("CLUSTER FAILOVER", "CLUSTER RESET", "CLUSTER FORGET x", "CLUSTER MEET 127.0.0.1 6379", "FLUSHALL"),
        *("MIGRATE 127.0.0.1 6379 open-webui:x 0 1", "CONFIG GET *", "GET other:x", "KEYS *", "SPUBLISH a b"),
    ),
    "exporter": ("CLUSTER NODES", "CLUSTER FAILOVER", "GET open-webui:x", "CONFIG GET *"),
    "reload": ("PING", "CLUSTER INFO", "ACL LIST", "CONFIG SET maxmemory 1"),
    "replication": ("GET open-webui:x", "CLUSTER NODES", "INFO"),
    "probe": ("GET open-webui:x", "CLUSTER NODES", "INFO"),
    "cluster": (
        "GET open-webui:x",
        "CLUSTER RESET",
        "CLUSTER FORGET x",
        "CLUSTER ADDSLOTS 1",
        "CONFIG GET *",
        "FLUSHALL",
    ),
    "set-up": (
        *(
            "GET open-webui:x",
            "DEL open-webui:x",
            "SET open-webui:x 1",
            "FLUSHALL",
            "CLUSTER RESET",
            "CLUSTER FAILOVER",
        ),
        *("CLUSTER FLUSHSLOTS", "CLUSTER SAVECONFIG", "CONFIG GET *", "ACL LIST", "KEYS *", "SUBSCRIBE socketio"),
        "MIGRATE 127.0.0.1 6379 other:x 0 1",
    ),
    "certificates": ("PING", "CONFIG GET *", "CONFIG REWRITE", "ACL LIST", "GET open-webui:x"),
}


@pytest.mark.parametrize(
    ("user", "command"), [(user, command) for user, commands in DENIED.items() for command in commands]
)
def test_a_user_may_not(cluster: Cluster, user: str | None, command: str) -> None:
    password = PASSWORDS[user][0] if user else None
    client: Any = redis.Redis(host=cluster.nodes[0].name, username=user, password=password)
    with pytest.raises(NoPermissionError):
        client.execute_command(*command.split())
