"""Three nodes: who may do what on servers and Sentinels, and whom their users reach."""

from typing import Any

import redis

from tests.support.servers.redis_nodes import PASSWORDS, SERVICE, Node, Nodes, write_users
from tests.support.servers.redis_nodes import nodes as nodes
from tests.support.servers.redis_server import APPLICATION_PASSWORD, INSPECTOR_PASSWORD, WITHOUT_PAUSES, on_every_engine
from tests.support.servers.redis_wait import redis_wait
from tests.support.servers.sentinel_client import VARIABLES, another_master, counting, revoke, revoked
from tests.support.servers.verify_in_web_pod import SERVED, redis_access


@on_every_engine
def test_a_sentinel_tells_clients_where_the_primary_is_and_nothing_else(nodes: Nodes) -> None:
    node = nodes.nodes[0]

    def refused(user: str | None, password: str | None, command: str) -> bool:
        client: Any = redis.Redis(host=node.address, port=26379, username=user, password=password)
        try:
            client.execute_command(*command.split())
        except redis.exceptions.NoPermissionError:
            return True
        return False

    for command in (
        "SENTINEL FAILOVER main",
        "SENTINEL REMOVE main",
        "SENTINEL SET main quorum 1",
        "SENTINEL RESET *",
        "SENTINEL CONFIG GET *",
        "ACL LIST",
        "SHUTDOWN",
        "INFO",
    ):
        assert refused("openwebui", APPLICATION_PASSWORD, command), command
        assert refused(None, None, command), command
    assert refused(None, None, "SENTINEL GET-MASTER-ADDR-BY-NAME main")
    assert not refused("openwebui", APPLICATION_PASSWORD, "SENTINEL GET-MASTER-ADDR-BY-NAME main")
    assert refused("sentinel", PASSWORDS["sentinel"][0], "SENTINEL REMOVE main")
    assert refused("sentinel", PASSWORDS["sentinel"][0], "SENTINEL SET main quorum 1")


DENIED = {
    "replication": ("GET open-webui:x", "SET open-webui:x 1", "INFO", "CONFIG GET *", "ACL LIST", "REPLICAOF NO ONE"),
    "probe": ("GET open-webui:x", "INFO", "CONFIG GET *", "ACL LIST", "FLUSHALL"),
    "sentinel": (
        *("GET open-webui:x", "SET open-webui:x 1", "FLUSHALL", "KEYS *", "CONFIG GET *", "CONFIG SET maxmemory 1"),
        *("ACL LIST", "SUBSCRIBE socketio", "PUBLISH socketio x", "EVAL return(1) 0", "SHUTDOWN", "DEBUG SLEEP 0"),
    ),
}


@on_every_engine
def test_the_users_of_the_nodes_may_do_nothing_else_on_a_server(nodes: Nodes) -> None:
    allowed = []
    for user, commands in DENIED.items():
        client: Any = nodes.nodes[0].client(user, PASSWORDS[user][0])
        for command in commands:
            try:
                client.execute_command(*command.split())
            except redis.exceptions.NoPermissionError:
                continue
            except redis.ResponseError as error:
                if "DEBUG command not allowed" in str(error):
                    continue
            allowed.append(f"{user}: {command}")
    assert allowed == []


@on_every_engine
def test_nothing_was_denied_that_the_nodes_need(nodes: Nodes) -> None:
    old = nodes.master
    old.stop()
    another_master(nodes, old)
    for node in nodes.nodes:
        if node is old:
            continue
        for port in (6379, 26379):
            inspector = redis.Redis(
                host=node.address, port=port, username="inspector", password=INSPECTOR_PASSWORD, decode_responses=True
            )
            denied = [(e["username"], e["reason"], e["object"]) for e in inspector.acl_log()]
            assert [entry for entry in denied if entry[2] != "client|setinfo"] == [], (node.name, port)


def test_the_check_of_a_deployed_stack_asks_the_primary(nodes: Nodes) -> None:
    url = f"redis://openwebui:{APPLICATION_PASSWORD}@{SERVICE}/0"
    hosts = ",".join(node.name for node in nodes.nodes)
    variables = {
        **VARIABLES,
        "REDIS_SENTINEL_HOSTS": hosts,
        "WEBSOCKET_SENTINEL_HOSTS": hosts,
        "REDIS_URL": url,
        "WEBSOCKET_REDIS_URL": url,
    }
    assert redis_access(variables, nodes.hosts, "access") == SERVED
    assert redis_access(variables, nodes.hosts, "subscribers") == 0


def test_a_new_pod_asks_the_primary_and_every_sentinel(nodes: Nodes) -> None:
    addresses = f"""
import socket
names = { ({node.name: node.address for node in nodes.nodes})!r}
real = socket.getaddrinfo
socket.getaddrinfo = lambda host, *a, **k: real(names.get(host, host), *a, **k)
"""

    def wait(password: str) -> int:
        url = f"redis://openwebui:{password}@{SERVICE}/0"
        waiting = redis_wait(url, 1, preparation=addresses, **VARIABLES)
        waiting.communicate(timeout=60)
        return waiting.returncode

    assert wait(APPLICATION_PASSWORD) == 0
    assert wait("another-Password") == 1


@on_every_engine
def test_a_rotated_password_reaches_the_sentinels_too(nodes: Nodes) -> None:
    revoke(nodes)
    rotated = {**PASSWORDS, "openwebui": [APPLICATION_PASSWORD, "second-Password"]}
    for node in nodes.nodes:
        node.start("reload-users")
    with counting(nodes) as outcome:
        for node in nodes.nodes:
            write_users(node.directory / "users", rotated)

        def takes(node: Node) -> bool:
            servers = (
                redis.Redis(
                    host=node.address, port=port, username="openwebui", password="second-Password", retry=WITHOUT_PAUSES
                )
                for port in (6379, 26379)
            )
            try:
                return all(server.ping() for server in servers)
            except redis.AuthenticationError:
                return False

        for node in nodes.nodes:
            nodes.wait(lambda node=node: takes(node), f"the second password at {node.name}")

    assert outcome.errors == []
    assert revoked(nodes) == "1"
    # Redis 7.0 closes every connection when it loads the users; the Sentinels reconnect and keep the primary.
    nodes.wait(lambda: all(nodes.agreed(node) for node in nodes.nodes), "the Sentinels know each other", 10)
    assert nodes.master is nodes.nodes[0]
