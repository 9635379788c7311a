"""A database on another node that can be lost or stop: its address is in a network namespace whose packets can be
dropped.

The listener forwards everything to the Unix socket of the server, which no network namespace isolates.
"""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.servers.server_process import not_there, wait_until

_PORT = 5432
_FORWARDER = """
import asyncio, sys

async def copy(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()

async def accepted(reader, writer):
    server = await asyncio.open_unix_connection(sys.argv[1])
    await asyncio.gather(copy(reader, server[1]), copy(server[0], writer))

async def main():
    async with await asyncio.start_server(accepted, sys.argv[2], int(sys.argv[3])) as server:
        print("listening", flush=True)
        await server.serve_forever()

asyncio.run(main())
"""


@dataclass
class Node:
    """The other node."""

    namespace: str
    host: str
    port: int
    unix_socket: Path
    """Of the server."""

    forwarder: "subprocess.Popen[str] | None" = None
    """Listens there; None: connections are refused."""

    def start_server(self) -> None:
        """Accept connections."""
        where = [str(self.unix_socket), self.host, str(self.port)]
        command = ["ip", "netns", "exec", self.namespace, sys.executable, "-c", _FORWARDER, *where]
        self.forwarder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.forwarder.stdout
        assert self.forwarder.stdout.readline(), "nothing listens there"

    def stop_server(self) -> None:
        """Cut all connections, and refuse new ones."""
        if self.forwarder:
            with self.forwarder:
                self.forwarder.kill()
            self.forwarder = None

    def lose(self) -> None:
        """Nothing that is sent to it is answered any more, neither with data nor with a refusal."""
        _in(self.namespace, "nft", "add table inet lost")
        _in(self.namespace, "nft", "add chain inet lost input { type filter hook input priority 0 ; policy drop ; }")

    def find(self) -> None:
        """It is back, with the connections that it had."""
        _in(self.namespace, "nft", "delete table inet lost")


@contextmanager
def node(unix_socket: Path) -> Iterator[Node]:
    """Another node with the server of that Unix socket, while the block runs. Needs root."""
    if os.geteuid() != 0:
        not_there("a network namespace needs root")
    name = f"lost-{secrets.token_hex(3)}"
    # 198.18.0.0/15 is for tests of networks (RFC 2544). Four addresses of it.
    block = secrets.randbelow(64 * 256)
    network = f"198.18.{block // 64}.{block % 64 * 4}".rsplit(".", 1)
    here, there = (f"{network[0]}.{int(network[1]) + offset}" for offset in (1, 2))
    _run("ip", "netns", "add", name)
    try:
        _run("ip", "link", "add", name, "type", "veth", "peer", "name", "node0", "netns", name)
        _run("ip", "address", "add", f"{here}/30", "dev", name)
        _run("ip", "link", "set", name, "up")
        _run("ip", "-n", name, "address", "add", f"{there}/30", "dev", "node0")
        _run("ip", "-n", name, "link", "set", "node0", "up")
        made = Node(name, there, _PORT, unix_socket)
        try:
            made.start_server()
            yield made
        finally:
            made.stop_server()
    finally:
        _run("ip", "netns", "delete", name)
        wait_until(lambda: not Path(f"/sys/class/net/{name}").exists(), "the link is gone")


def _in(namespace: str, *command: str) -> None:
    _run("ip", "netns", "exec", namespace, *command)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
