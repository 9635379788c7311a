"""The network namespace of the node, which contains its firewall rules, and its link to this machine."""

import json
import subprocess

from terminal.errors import LocalError

from .layout import Layout


def create(layout: Layout) -> None:
    """Create the namespace, the link, and the route to pods and Services, unless they exist.

    Raises:
        LocalError: the system refuses a command.
    """
    name, inside = layout.identifier, f"{layout.identifier}n"
    # The route comes last: without it the network of an interrupted start is created again.
    if name in names() and _has_route(layout):
        return
    delete(layout)
    for command in (
        ["netns", "add", name],
        ["link", "add", name, "type", "veth", "peer", "name", inside, "netns", name],
        ["address", "add", f"{layout.machine_address}/30", "dev", name],
        ["link", "set", name, "up"],
        ["-netns", name, "link", "set", "lo", "up"],
        ["-netns", name, "address", "add", f"{layout.node_address}/30", "dev", inside],
        ["-netns", name, "link", "set", inside, "up"],
        ["-netns", name, "route", "add", "default", "via", layout.machine_address],
        ["netns", "exec", name, "sysctl", "--quiet", "--write", "net.ipv4.ip_forward=1"],
        ["route", "add", str(layout.network), "via", layout.node_address],
    ):
        _ip(*command)


def delete(layout: Layout) -> None:
    """Remove the namespace; the link, the routes and the rules go with it."""
    if layout.identifier in names():
        # Deletes the link explicitly, because the namespace lives as long as a process in it.
        subprocess.run(["ip", "link", "delete", layout.identifier], capture_output=True, check=False, timeout=30)
        _ip("netns", "delete", layout.identifier)


def names() -> set[str]:
    """Named network namespaces of this machine."""
    output = _ip("-json", "netns", "list")
    return {entry["name"] for entry in json.loads(output or "[]")}


def processes(layout: Layout) -> list[int]:
    """Processes in the namespace itself: those of the node, not those of pods."""
    if layout.identifier not in names():
        return []
    return [int(process) for process in _ip("netns", "pids", layout.identifier).split()]


def _has_route(layout: Layout) -> bool:
    return bool(json.loads(_ip("-json", "route", "show", str(layout.network)) or "[]"))


def _ip(*arguments: str) -> str:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False, timeout=30)
    if done.returncode:
        raise LocalError(f"ip {' '.join(arguments)} failed: {done.stderr.strip()}")
    return done.stdout
