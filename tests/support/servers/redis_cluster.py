"""A cluster's nodes and the Job that makes a cluster of them: scripts, configuration and environment as rendered."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
from redis.cluster import ClusterNode, RedisCluster

from components.redis.server.acl import CLUSTER_USERS
from tests.support.servers.addresses import free_network
from tests.support.servers.certificates import certify
from tests.support.servers.redis_nodes import Node, Nodes, make_node, moved, surroundings, write_users
from tests.support.servers.redis_server import APPLICATION_PASSWORD, INSPECTOR_PASSWORD, WITHOUT_PAUSES, Client
from tests.support.servers.rendered import Find
from tests.support.servers.server_process import give_away, unprivileged

TOPOLOGY = ("redis.topology=cluster", "redis.cluster.nodeTimeoutSeconds=2")
PASSWORDS = {
    "openwebui": [APPLICATION_PASSWORD],
    **{
        name: [f"{name}-Password"]
        for name in ("exporter", "reload", "replication", "probe", "cluster", "set-up", "certificates")
    },
}
JOB_SECONDS = 180


@dataclass
class Cluster(Nodes):
    """All of them, and the directory in which the Job runs."""

    directory: Path
    manifest: Find
    sets: tuple[str, ...]
    network: str
    options: dict[str, Any]
    """Of the clients, for TLS."""

    def bring_up(self) -> None:
        self.exist(*(node.name for node in self.nodes))
        for node in self.nodes:
            node.start()
        self.set_up()

    def set_up(self, *sets: str) -> str:
        """Run the Job, with these config keys set besides; what it says."""
        process = self.begin_set_up(*sets)
        output, _ = process.communicate(timeout=JOB_SECONDS)
        logs = "\n".join(f"--- {node.name}\n{node.log('redis')[-1500:]}" for node in self.nodes)
        assert process.returncode == 0, f"{output}\n{logs}"
        return str(output)

    def begin_set_up(self, *sets: str) -> "subprocess.Popen[str]":
        config = (*self.sets, *sets)
        pod = self.manifest("prod", "Job", "redis-set-up", config)["spec"]["template"]["spec"]
        [container] = pod["containers"]
        [items] = [volume["secret"]["items"] for volume in pod["volumes"] if volume["name"] == "acl"]
        job = self.directory / "job"
        for place in ("", "conf", "users", "data", "run"):
            (job / place).mkdir(exist_ok=True)
            give_away(job / place)
        for name, text in self.manifest("prod", "ConfigMap", "redis-set-up", config)["data"].items():
            (job / "conf" / name).write_text(text)
        for item in items:
            (job / "users" / item["path"]).write_text(PASSWORDS[item["key"].removesuffix("-password")][0])
        if self.options:
            (job / "tls").mkdir(exist_ok=True)
            (job / "tls" / "ca.crt").write_text(Path(self.options["ssl_ca_certs"]).read_text())
        environment = {variable["name"]: moved(variable["value"], job) for variable in container["env"]}
        return subprocess.Popen(
            [moved(part, job) for part in container["command"]],
            env={**environment, **surroundings(job, self.hosts)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            **unprivileged(),
        )

    def add_nodes(self, *sets: str) -> list[Node]:
        """The nodes that these config keys bring in addition, with directories and no processes."""
        config = (*self.sets, *sets)
        workload = self.manifest("prod", "StatefulSet", "redis", config)["spec"]
        files = self.manifest("prod", "ConfigMap", "redis-conf", config)["data"]
        new = []
        for ordinal in range(len(self.nodes), workload["replicas"]):
            name, address = f"redis-{ordinal}", f"{self.network}.{ordinal + 1}"
            node = make_node(self.directory / name, name, address, workload, files, self.hosts)
            write_users(node.directory / "users", PASSWORDS, CLUSTER_USERS)
            if self.options:
                certify(Path(self.options["ssl_ca_certs"]).parent, node.directory / "tls", node.name)
            new.append(node)
        self.nodes += new
        return new

    def client(self) -> Any:
        """As Open WebUI makes it, but by the name of a node instead of the Service's."""
        return RedisCluster(
            startup_nodes=[ClusterNode(node.name, 6379) for node in self.nodes],  # type: ignore[no-untyped-call]
            username="openwebui",
            password=APPLICATION_PASSWORD,
            decode_responses=True,
            socket_connect_timeout=2,
            **self.options,
        )

    def inspector(self, node: Node) -> Client:
        return redis.Redis(
            host=node.name,
            port=6379,
            username="inspector",
            password=INSPECTOR_PASSWORD,
            decode_responses=True,
            retry=WITHOUT_PAUSES,
            **self.options,
        )

    def role(self, node: Node) -> str:
        """``master``, ``slave`` with its link up, else an empty text."""
        try:
            role = self.inspector(node).role()
        except redis.RedisError:
            return ""
        if role[0] == "slave":
            return "slave" if role[3] == "connected" else ""
        return str(role[0])

    def parts(self, seen_by: Node | None = None) -> dict[str, int]:
        """The number of hash slots of each primary by name, as a member sees them."""
        slots = {}
        for line in self.lines(seen_by or self.nodes[0]):
            if "master" in line[2] and len(line) > 8:
                ranges = [part.split("-") for part in line[8:] if not part.startswith("[")]
                slots[line[1].split(",")[1]] = sum(int(part[-1]) - int(part[0]) + 1 for part in ranges)
        return slots

    def lines(self, seen_by: Node) -> list[list[str]]:
        inspector = self.inspector(seen_by)
        inspector.set_response_callback("CLUSTER NODES", lambda text, **_: text)
        text = inspector.execute_command("CLUSTER NODES")
        return [line.split() for line in text.splitlines()]

    def replica_of(self, master: Node) -> Node:
        lines = self.lines(self.nodes[0])
        [identifier] = [line[0] for line in lines if line[1].split(",")[1] == master.name]
        name = next(line[1].split(",")[1] for line in lines if line[3] == identifier and "fail" not in line[2])
        return next(node for node in self.nodes if node.name == name)

    def master_of(self, key: str) -> Node:
        name = self.client().get_node_from_key(key).host
        return next(node for node in self.nodes if node.name == name)

    def denials(self) -> list[str]:
        """What the servers refused to anybody, from their own logs."""
        return [
            f"{node.name} {entry['username']}: {entry['reason']} {entry['object']}"
            for node in self.nodes
            for entry in self.inspector(node).acl_log()
            if entry["object"] != "client|setinfo"
        ]


@contextmanager
def cluster_of(directory: Path, manifest: Find, *sets: str, options: dict[str, Any] | None = None) -> Iterator[Cluster]:
    """The nodes of a rendered cluster, none of them started."""
    hosts = directory / "hosts"
    hosts.write_text("")
    made = Cluster([], hosts, directory, manifest, (*TOPOLOGY, *sets), free_network(), options or {})
    made.add_nodes()
    try:
        yield made
    finally:
        for node in made.nodes:
            node.kill()
