"""Three nodes with their scripts, configuration and environment as rendered: each a directory, an address, processes.

Names are resolved by libnss-wrapper from a file that the test writes: a pod that does not exist has no name there, as
in the cluster's DNS. Every node has an address of the loopback network and the ports of a pod.
"""

import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from glob import glob
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.sentinel import Sentinel

from components.redis.server.acl import SENTINEL_USERS, USERS, acl_file
from components.redis.server.places import (
    CONFIGURATION_DIRECTORY,
    DATA_DIRECTORY,
    MEMBER_DIRECTORY,
    STATE_DIRECTORY,
    TLS_DIRECTORY,
    USERS_DIRECTORY,
)
from tests.support.servers.addresses import free_network
from tests.support.servers.redis_server import APPLICATION_PASSWORD, INSPECTOR_PASSWORD, WITHOUT_PAUSES, Client
from tests.support.servers.rendered import Find
from tests.support.servers.server_process import (
    give_away,
    kill_container,
    missing,
    redis_program,
    search_path,
    unprivileged,
    wait_until,
)

SERVICE = "main"
PASSWORDS = {
    "openwebui": [APPLICATION_PASSWORD],
    **{name: [f"{name}-Password"] for name in ("exporter", "reload", "replication", "sentinel", "probe")},
}
STOP_SECONDS = 60
PLACES = {
    CONFIGURATION_DIRECTORY: "conf",
    USERS_DIRECTORY: "users",
    DATA_DIRECTORY: "data",
    STATE_DIRECTORY: "run",
    MEMBER_DIRECTORY: "node",
    TLS_DIRECTORY: "tls",
}
"""Directories of the containers, and those of a node here."""


@dataclass
class Node:
    """One pod: its processes, by container."""

    name: str
    address: str
    directory: Path
    commands: dict[str, list[str]]
    environment: dict[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, *containers: str) -> None:
        for container in containers or tuple(name for name in ("redis", "sentinel") if name in self.commands):
            with (self.directory / f"{container}.log").open("ab") as log:
                self.processes[container] = subprocess.Popen(
                    self.commands[container],
                    cwd=self.directory,
                    env=self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    **unprivileged(),
                )

    def kill(self, *containers: str) -> None:
        """What a crash does: no time for anything."""
        for container in containers or tuple(self.processes):
            process = self.processes.pop(container, None)
            if process:
                kill_container(process)

    def hand_over(self) -> str:
        """The preStop hook of the server's container."""
        options: Any = {"env": self.environment, "capture_output": True, "timeout": 60, **unprivileged()}
        done = subprocess.run(self.commands["hand-over"], check=False, **options)
        return str((done.stdout + done.stderr).decode())

    def stop(self) -> str:
        """What the kubelet does with a pod: preStop, then the signal to every container."""
        output = self.hand_over()
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            process.wait(STOP_SECONDS)
        self.processes.clear()
        return output

    def move(self, address: str) -> None:
        """Another address, as a pod has that takes the place of one: the processes are not running."""
        for file in (self.directory / "conf").iterdir():
            file.write_text(file.read_text().replace(f"bind {self.address}\n", f"bind {address}\n"))
        self.environment |= {k: address for k, value in self.environment.items() if value == self.address}
        self.address = address

    def client(self, user: str = "inspector", password: str = INSPECTOR_PASSWORD, database: int = 0) -> Client:
        return redis.Redis(
            host=self.address,
            port=6379,
            db=database,
            username=user,
            password=password,
            decode_responses=True,
            retry=WITHOUT_PAUSES,
        )

    def role(self) -> str:
        """``master``, ``slave`` with its link up, else an empty text."""
        try:
            role = self.client().role()
        except redis.RedisError:
            return ""
        if role[0] == "slave":
            # The fourth is the state of its link, as the readiness probe reads it.
            return "slave" if role[3] == "connected" else ""
        return str(role[0])

    def log(self, container: str) -> str:
        return (self.directory / f"{container}.log").read_text(errors="replace")


@dataclass
class Nodes:
    """The three of them."""

    nodes: list[Node]
    hosts: Path

    def exist(self, *names: str) -> None:
        """Which pods exist: the others have no name."""
        lines = [f"{node.address} {node.name}\n" for node in self.nodes if node.name in names]
        new = self.hosts.with_suffix(".new")
        new.write_text("".join(lines))
        new.replace(self.hosts)

    def bring_up(self) -> None:
        """The servers one after the other, then the Sentinels.

        A Sentinel asks its primary for the replicas when it starts and every ten seconds: the first answer names all.
        """
        for number, node in enumerate(self.nodes):
            self.exist(*(each.name for each in self.nodes[: number + 1]))
            node.start("redis")
            self.wait(lambda node=node: node.role() != "", f"{node.name} ready")
        for node in self.nodes:
            node.start("sentinel")
        self.await_agreement()

    def bring_up_pods(self) -> None:
        """As a StatefulSet does: one pod after the other, each when the one before is ready."""
        for number, node in enumerate(self.nodes):
            self.exist(*(each.name for each in self.nodes[: number + 1]))
            node.start()
            self.wait(lambda node=node: node.role() != "", f"{node.name} ready")
        self.await_agreement()

    def await_agreement(self) -> None:
        """Wait until every Sentinel knows the others and the replicas."""
        self.wait(lambda: all(self.agreed(node) for node in self.nodes), "the Sentinels know each other")

    def agreed(self, node: Node) -> bool:
        try:
            [state] = self.sentinel(node).sentinel_masters().values()
        except (redis.RedisError, ValueError):
            return False
        return (state["num-other-sentinels"], state["num-slaves"], state["flags"]) == (2, 2, "master")

    def sentinel(self, node: Node) -> Client:
        return redis.Redis(
            host=node.address,
            port=26379,
            username="openwebui",
            password=APPLICATION_PASSWORD,
            decode_responses=True,
            socket_timeout=2,
            retry=WITHOUT_PAUSES,
        )

    def of_clients(self, **options: Any) -> Any:
        """The Sentinels as Open WebUI asks them; `options` for the connections."""
        common = {"username": "openwebui", "password": APPLICATION_PASSWORD, "socket_connect_timeout": 2, **options}
        return Sentinel(  # type: ignore[no-untyped-call]
            [(node.address, 26379) for node in self.nodes],
            sentinel_kwargs={**common, "socket_timeout": 2},
            decode_responses=True,
            **common,
        )

    @property
    def master(self) -> Node:
        """The node that a Sentinel names."""
        for node in self.nodes:
            try:
                name = self.sentinel(node).sentinel_get_master_addr_by_name(SERVICE)
            except redis.RedisError:
                continue
            if name:
                return next(each for each in self.nodes if each.name == name[0])
        raise AssertionError("No Sentinel names a primary")

    def wait(self, condition: Any, what: str, seconds: float = 60) -> None:
        try:
            wait_until(condition, what, seconds)
        except TimeoutError as error:
            logs = "\n".join(
                f"--- {node.name} {container}\n{node.log(container)[-1500:]}"
                for node in self.nodes
                for container in ("redis", "sentinel")
                if (node.directory / f"{container}.log").exists()
            )
            raise TimeoutError(f"{error}\n{logs}") from None


def write_users(directory: Path, passwords: dict[str, list[str]], rules: Mapping[str, tuple[str, ...]] = USERS) -> None:
    """The Secret of the users, exchanged as the kubelet does; with somebody who may look at everything."""
    inspector = f"user inspector reset on >{INSPECTOR_PASSWORD} ~* &* +@all\n"
    for name, each in (("sentinel-users.acl", SENTINEL_USERS), ("users.acl", rules)):
        (directory / f"{name}.new").write_text(acl_file(passwords, each) + inspector)
        (directory / f"{name}.new").replace(directory / name)
    (directory / "replication.conf").write_text(f"masteruser replication\nmasterauth {passwords['replication'][0]}\n")
    for name, valid in passwords.items():
        if name != "openwebui":
            (directory / f"{name}-password").write_text(valid[0])


def names_wrapper() -> str:
    """Path of libnss_wrapper.so."""
    libraries = sorted(glob("/usr/lib/*/libnss_wrapper.so") + glob("/usr/lib*/libnss_wrapper.so"))
    if not libraries:
        missing("libnss_wrapper.so", "libnss-wrapper")
    return libraries[0]


@contextmanager
def nodes_of(directory: Path, manifest: Find, *sets: str, environment: str = "prod") -> Iterator[Nodes]:
    """The nodes of a rendered stack, none of them started."""
    config = ("redis.topology=sentinel", *sets)
    workload = manifest(environment, "StatefulSet", "redis", config)["spec"]
    files = manifest(environment, "ConfigMap", "redis-conf", config)["data"]
    hosts, network = directory / "hosts", free_network()
    hosts.write_text("")
    made = Nodes([], hosts)
    for ordinal in range(workload["replicas"]):
        name = f"redis-{ordinal}"
        made.nodes.append(make_node(directory / name, name, f"{network}.{ordinal + 1}", workload, files, hosts))
    for node in made.nodes:
        write_users(node.directory / "users", PASSWORDS)
    try:
        yield made
    finally:
        for node in made.nodes:
            node.kill()


def make_node(
    directory: Path, pod: str, address: str, workload: dict[str, Any], files: dict[str, str], hosts: Path
) -> Node:
    """A node whose directories and files are there, but the users'."""
    for place in ("", *PLACES.values()):
        (directory / place).mkdir()
        give_away(directory / place)
    for name, text in files.items():
        if name.endswith(".conf"):
            text = f"{moved(text, directory)}bind {address}\n"
        (directory / "conf" / name).write_text(text)
    containers = {container["name"]: container for container in workload["template"]["spec"]["containers"]}
    [reload] = workload["template"]["spec"]["initContainers"]
    commands = {
        "reload-users": reload["command"],
        **{name: containers[name]["command"] for name in ("redis", "sentinel") if name in containers},
    }
    if "lifecycle" in containers["redis"]:
        commands["hand-over"] = containers["redis"]["lifecycle"]["preStop"]["exec"]["command"]
    [client] = [variable["value"] for variable in reload["env"] if variable["name"] == "CLIENT"]
    for name in (client, f"{client.removesuffix('cli')}server"):
        redis_program(name)
    # One environment for all containers: the values that are not in the manifest are the pod's own.
    configured = [variable for each in (*containers.values(), reload) for variable in each.get("env", [])]
    own = {"POD_NAME": pod, "POD_IP": address}
    variables = {v["name"]: v.get("value") or own.get(v["name"], "") for v in configured}
    return Node(
        name=f"{pod}.{workload['serviceName']}" if "serviceName" in workload else pod,
        address=address,
        directory=directory,
        commands={key: [moved(part, directory) for part in command] for key, command in commands.items()},
        environment={
            **{name: moved(value, directory) for name, value in variables.items()},
            "SERVER_HOST": address,
            "RELOAD_SECONDS": "0.2",
            **surroundings(directory, hosts),
        },
    )


def moved(text: str, directory: Path) -> str:
    """A text of the manifests with a node's directories instead of the containers'."""
    for path, place in PLACES.items():
        text = re.sub(rf"(?<![\w/.-]){path}(?=[/\s]|$)", f"{directory}/{place}", text)
    return text


def surroundings(directory: Path, hosts: Path) -> dict[str, str]:
    """Variables of the scripts for a node's directories, and names from a file."""
    return {
        "PATH": search_path(),
        "LD_PRELOAD": names_wrapper(),
        "NSS_WRAPPER_HOSTS": str(hosts),
        "CONFIGURATION_DIRECTORY": f"{directory}/conf",
        "USERS_DIRECTORY": f"{directory}/users",
        "DATA_DIRECTORY": f"{directory}/data",
        "STATE_DIRECTORY": f"{directory}/run",
        "TLS_DIRECTORY": f"{directory}/tls",
    }


@pytest.fixture
def nodes(directory: Path, manifest: Find, engine: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Nodes]:
    """Three nodes that are up."""
    with nodes_of(directory, manifest, f"redis.engine={engine}") as made:
        resolve_names(made, monkeypatch)
        made.bring_up()
        yield made


def resolve_names(nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process resolve the names of the nodes, for the clients that a Sentinel tells one."""
    import socket

    real = socket.getaddrinfo

    def resolve(host: Any, *arguments: Any, **options: Any) -> Any:
        for node in nodes.nodes:
            if host == node.name:
                if f" {host}\n" not in nodes.hosts.read_text():
                    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
                return real(node.address, *arguments, **options)
        return real(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
