"""Redis Cluster: how it is created, what happens when primaries are lost, and how primaries are added."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import redis

from components.redis.server.acl import CLUSTER_USERS
from tests.support.servers.redis_cluster import PASSWORDS, Cluster, cluster_of
from tests.support.servers.redis_nodes import Node, resolve_names, write_users
from tests.support.servers.redis_server import WITHOUT_PAUSES, on_every_engine
from tests.support.servers.rendered import Find
from tests.support.servers.steady_requests import Outcome, steady

FOUR = "redis.cluster.masters=4"


@pytest.fixture
def cluster(directory: Path, manifest: Find, engine: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """Three primaries with a replica each."""
    with cluster_of(directory, manifest, f"redis.engine={engine}") as made:
        resolve_names(made, monkeypatch)
        made.bring_up()
        yield made


def fill(cluster: Cluster, count: int = 300) -> dict[str, str]:
    """Keys of all shards, on the replicas too."""
    written = {f"open-webui:auth:token:{number}:revoked": str(number) for number in range(count)}
    client = cluster.client()
    for key, value in written.items():
        client.set(key, value)
    # Not by WAIT, which is about what its own connection has written.
    cluster.wait(lambda: all(is_copied(cluster, node) for node in masters(cluster)), "every key on a replica")
    return written


def is_copied(cluster: Cluster, master: Node) -> bool:
    """Whether the replica of a primary has as many keys."""
    replica = cluster.replica_of(master)
    return bool(cluster.inspector(replica).dbsize() == cluster.inspector(master).dbsize() > 0)


def masters(cluster: Cluster, seen_by: Node | None = None) -> list[Node]:
    parts = cluster.parts(seen_by)
    return [node for node in cluster.nodes if node.name in parts]


def lost(cluster: Cluster, written: dict[str, str]) -> list[str]:
    client = cluster.client()
    return [key for key, value in written.items() if client.get(key) != value]


def counting(cluster: Cluster) -> AbstractContextManager[Outcome]:
    """Increments of keys of all shards while the block runs."""
    client = cluster.client()
    return steady(lambda number: client.incr(f"open-webui:count:{number % 12}"), pause=0.005)


def counted(cluster: Cluster) -> int:
    client = cluster.client()
    return sum(int(client.get(f"open-webui:count:{number}") or 0) for number in range(12))


@on_every_engine
def test_the_job_makes_a_cluster_and_can_be_run_again(cluster: Cluster) -> None:
    parts = cluster.parts()
    assert sorted(parts.values()) == [5461, 5461, 5462]
    assert sorted(cluster.role(node) for node in cluster.nodes) == ["master"] * 3 + ["slave"] * 3
    assert len({cluster.replica_of(node).name for node in masters(cluster)}) == 3
    written = fill(cluster)

    output = cluster.set_up()

    assert output.splitlines() == ["set-up-cluster.sh: the cluster is ready: 3 primaries, 16384 hash slots"]
    assert cluster.parts() == parts
    assert lost(cluster, written) == []
    assert cluster.denials() == []


@on_every_engine
def test_a_killed_primary_is_replaced_while_the_client_goes_on(cluster: Cluster) -> None:
    written = fill(cluster)
    key = next(iter(written))
    old = cluster.master_of(key)
    successor, witness = cluster.replica_of(old), next(n for n in masters(cluster) if n is not old)
    client = cluster.client()
    assert client.get(key) == written[key]

    old.kill()

    def served() -> bool:
        try:
            return bool(client.get(key) == written[key] and client.set(key, written[key]))
        except (redis.RedisError, redis.exceptions.RedisClusterException):
            return False

    cluster.wait(served, "the same client is served again", 30)
    cluster.wait(lambda: successor in masters(cluster, witness), "the successor")
    assert lost(cluster, written) == []
    old.start()
    cluster.wait(lambda: cluster.role(old) == "slave", "the old primary as a replica")


@on_every_engine
def test_a_primary_that_comes_back_empty_at_once_wipes_no_replica(cluster: Cluster) -> None:
    written = fill(cluster)
    old = masters(cluster)[1]
    # Long before the others count it as down: for them it has never been away.
    old.kill()
    old.start()

    cluster.wait(lambda: cluster.role(old) == "slave", "the old primary as a replica")
    assert "is empty" in old.log("redis")
    assert lost(cluster, written) == []


def test_without_the_start_script_its_part_would_be_wiped(cluster: Cluster, engine: str) -> None:
    written = fill(cluster)
    old = masters(cluster)[1]
    replica = cluster.replica_of(old)
    old.kill()
    old.commands["redis"] = [f"{engine}-server", str(old.directory / "run" / "redis.conf")]
    old.start()

    cluster.wait(lambda: cluster.inspector(replica).dbsize() == 0, "the loss")
    cluster.wait(lambda: len(lost(cluster, written)) > 50, "the loss as clients see it")


def test_replicas_of_most_primaries_are_promoted_without_a_vote(cluster: Cluster) -> None:
    written = fill(cluster)
    gone = masters(cluster)[:2]
    for node in gone:
        node.kill()
    for node in gone:
        node.start()

    cluster.wait(lambda: all(cluster.role(node) == "slave" for node in gone), "both as replicas")
    assert lost(cluster, written) == []


@on_every_engine
def test_every_node_can_be_rolled_and_no_request_fails(cluster: Cluster) -> None:
    written = fill(cluster)
    failovers = []
    with counting(cluster) as outcome:
        for node in reversed(cluster.nodes):
            failovers.append(node.stop().count("requested a failover to "))
            cluster.exist(*(each.name for each in cluster.nodes if each is not node))
            time.sleep(0.3)
            cluster.exist(*(each.name for each in cluster.nodes))
            node.start()
            cluster.wait(lambda node=node: cluster.role(node) != "", f"{node.name} ready")
        cluster.wait(lambda: outcome.answered > 100 or bool(outcome.errors), "answered requests")

    assert outcome.errors == []
    # A manual failover that is aborted and requested again makes writes wait for seconds.
    assert sorted(failovers) == [0, 0, 0, 1, 1, 1]
    assert counted(cluster) >= outcome.answered
    assert lost(cluster, written) == []


@on_every_engine
def test_a_replica_whose_name_is_not_known_yet_can_be_promoted(cluster: Cluster) -> None:
    fill(cluster)
    old = masters(cluster)[0]
    successor = cluster.replica_of(old)
    # A server that has just started does not say its name with its first words.
    cluster.inspector(successor).config_set("cluster-announce-hostname", "")
    cluster.wait(lambda: not any(successor.name in line[1] for line in cluster.lines(old)), "no name")

    output = old.hand_over()

    assert output.splitlines() == [
        f"hand-over-part.sh: requested a failover to {successor.address}",
        "hand-over-part.sh: this server is not a primary",
    ]
    assert cluster.role(successor) == "master"


def test_pods_that_all_come_back_elsewhere_find_each_other(cluster: Cluster) -> None:
    parts = cluster.parts()
    for node in cluster.nodes:
        node.kill()
    cluster.exist()
    for number, node in enumerate(cluster.nodes):
        old, node.address = node.address, f"{cluster.network}.{100 + number}"
        node.environment |= {"POD_IP": node.address, "SERVER_HOST": node.address}
        conf = node.directory / "conf" / "redis.conf"
        conf.write_text(conf.read_text().replace(f"bind {old}\n", f"bind {node.address}\n"))
    for number, node in enumerate(cluster.nodes):
        cluster.exist(*(each.name for each in cluster.nodes[: number + 1]))
        node.start()

    def agreed() -> bool:
        try:
            return all(cluster.parts(node) == parts for node in cluster.nodes)
        except redis.RedisError:
            return False

    cluster.wait(agreed, "every node knows every part")
    cluster.wait(lambda: [cluster.role(n) for n in cluster.nodes].count("slave") == 3, "the replicas")
    fill(cluster)


def test_added_primaries_receive_hash_slots_and_nothing_is_lost(cluster: Cluster) -> None:
    written = fill(cluster, 2000)
    new = cluster.add_nodes(FOUR)
    cluster.exist(*(node.name for node in cluster.nodes))
    for node in new:
        node.start()
    with counting(cluster) as outcome:
        # Interrupted in the middle, and run again.
        process = cluster.begin_set_up(FOUR)
        cluster.wait(lambda: cluster.parts().get(new[0].name, 0) > 100, "parts that move")
        # With the tool that moves the slots, as the kubelet kills a container.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert cluster.parts()[new[0].name] < 4096
        output = cluster.set_up(FOUR)

    assert outcome.errors == []
    assert counted(cluster) >= outcome.answered > 100
    assert "4 primaries, 16384 hash slots" in output
    assert cluster.parts()[new[0].name] >= 0.95 * 4096
    assert cluster.replica_of(new[0]) is new[1]
    assert lost(cluster, written) == []
    assert cluster.set_up(FOUR).count("\n") == 1
    assert cluster.denials() == []
    # With three primaries as before, the hash slots of the fourth would be lost.
    process = cluster.begin_set_up()
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert f"{new[0].name} has hash slots, but is not one of" in output
    assert lost(cluster, written) == []


def test_a_node_that_lost_its_volume_is_taken_in_again(cluster: Cluster) -> None:
    written = fill(cluster)
    old = masters(cluster)[0]
    successor, witness = cluster.replica_of(old), masters(cluster)[1]
    old.kill()
    cluster.wait(lambda: successor in masters(cluster, witness), "a successor")
    for file in (old.directory / "node").iterdir():
        file.unlink()
    old.start()
    cluster.wait(lambda: cluster.role(old) == "master", "a member that knows no other")

    output = cluster.set_up()

    assert f"adding {old.name}" in output
    assert f"which {old.name} had before it lost its file" in output
    assert cluster.role(old) == "slave"
    assert len(cluster.lines(witness)) == 6
    assert lost(cluster, written) == []


@pytest.mark.parametrize(("engine", "slot"), [("redis", "with keys"), ("valkey", "without keys")])
def test_a_slot_without_an_owner_has_a_primary_again(cluster: Cluster, slot: str) -> None:
    # Where an earlier run can have been interrupted: the others still believe the last primary.
    written = fill(cluster)
    old = cluster.master_of(next(iter(written)))
    used = {cluster.client().keyslot(key) for key in written}
    first, last = next(map(int, line[8].split("-")) for line in cluster.lines(old) if "myself" in line[2])
    lost_slot = next(number for number in range(first, last + 1) if (number in used) == (slot == "with keys"))
    cluster.inspector(old).execute_command("CLUSTER DELSLOTS", lost_slot)

    output = cluster.set_up()

    assert "resuming the migration of hash slots" in output
    assert sum(cluster.parts().values()) == 16384
    assert lost(cluster, written) == []
    assert cluster.denials() == []


@on_every_engine
def test_a_rotated_password_is_valid_on_every_node_without_a_restart(cluster: Cluster) -> None:
    for node in cluster.nodes:
        node.start("reload-users")
        write_users(node.directory / "users", {**PASSWORDS, "openwebui": ["first", "second"]}, CLUSTER_USERS)

    def takes(node: Node, password: str) -> bool:
        try:
            client = redis.Redis(host=node.name, username="openwebui", password=password, retry=WITHOUT_PAUSES)
            return bool(client.ping())
        except redis.AuthenticationError:
            return False

    for node in cluster.nodes:
        cluster.wait(lambda node=node: takes(node, "second"), f"the password at {node.name}")
        assert takes(node, "first")
