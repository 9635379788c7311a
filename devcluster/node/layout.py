"""The files and addresses of a node."""

import hashlib
import ipaddress
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from host.directories import nodes_directory, write
from terminal.errors import LocalError

# RFC 2544: reserved for benchmarks of network devices, so no real network uses it.
_NETWORKS = tuple(ipaddress.IPv4Network("198.18.0.0/15").subnets(new_prefix=18))
_NODE_NAME = "node"


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The files and addresses of one node, derived from its name and its network."""

    name: str
    """Name of its cluster."""

    directory: Path
    """Parent of all files of the node, except the images that nodes share."""

    network: ipaddress.IPv4Network
    """Network of the pods, the Services and the link to this machine."""

    @property
    def node_name(self) -> str:
        """Name of the Node object."""
        return _NODE_NAME

    @property
    def identifier(self) -> str:
        """Short enough for an interface (15 characters), and unique for each directory and name."""
        return "owui-" + hashlib.sha256(f"{self.directory}".encode()).hexdigest()[:8]

    @property
    def pods(self) -> ipaddress.IPv4Network:
        """Addresses of the pods."""
        return self._part(0)

    @property
    def services(self) -> ipaddress.IPv4Network:
        """Addresses of the Services."""
        return self._part(1)

    @property
    def machine_address(self) -> str:
        """Address of this machine on its link to the node."""
        return str(self._part(2)[1])

    @property
    def node_address(self) -> str:
        """Address of the node on that link."""
        return str(self._part(2)[2])

    @property
    def api_server_address(self) -> str:
        """Address of the Service `kubernetes`, by which pods reach the API server."""
        return str(self.services[1])

    @property
    def dns_address(self) -> str:
        """Address of the DNS Service."""
        return str(self.services[10])

    @property
    def containerd_root(self) -> Path:
        """Images and containers."""
        return self.directory / "containerd"

    @property
    def kubelet_root(self) -> Path:
        """Root of the kubelet, with the volumes of the pods."""
        return self.directory / "kubelet"

    @property
    def volumes(self) -> Path:
        """A file with a file system for each persistent volume."""
        return self.directory / "volumes"

    @property
    def logs(self) -> Path:
        """Logs of the processes of the node."""
        return self.directory / "logs"

    @property
    def configuration(self) -> Path:
        """Configuration files of the processes of the node."""
        return self.directory / "configuration"

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig of the processes of the node."""
        return self.configuration / "kubeconfig"

    def _part(self, number: int) -> ipaddress.IPv4Network:
        return list(self.network.subnets(new_prefix=20))[number]


def layout_of(name: str) -> Layout | None:
    """The layout of an existing node; None if it does not exist."""
    file = _record(name)
    if not file.exists():
        return None
    return Layout(
        name=name, directory=file.parent, network=ipaddress.IPv4Network(json.loads(file.read_text())["network"])
    )


def new_layout(name: str) -> Layout:
    """A layout on a network that this machine does not use, recorded so that `layout_of` finds it.

    Raises:
        LocalError: all networks that nodes may take are in use.
    """
    used = _networks_in_use()
    free = [network for network in _NETWORKS if not any(network.overlaps(other) for other in used)]
    if not free:
        raise LocalError(f"no network is free for the node {name}: all of 198.18.0.0/15 is routed on this machine")
    file = _record(name)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write(file, json.dumps({"network": str(free[0])}))
    layout = Layout(name=name, directory=file.parent, network=free[0])
    for directory in (layout.kubelet_root, layout.volumes, layout.logs, layout.configuration):
        directory.mkdir(exist_ok=True, mode=0o700)
    return layout


def _record(name: str) -> Path:
    return nodes_directory() / name / "node.json"


def _networks_in_use() -> list[ipaddress.IPv4Network]:
    output = subprocess.run(["ip", "-4", "-json", "route"], capture_output=True, text=True, check=True).stdout
    destinations = [route["dst"] for route in json.loads(output) if route["dst"] != "default"]
    recorded = [json.loads(file.read_text())["network"] for file in nodes_directory().glob("*/node.json")]
    return [ipaddress.IPv4Network(destination) for destination in (*destinations, *recorded)]
