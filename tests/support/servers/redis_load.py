"""Data and subscribers that fill the memory of a Redis."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.servers.redis_server import APPLICATION_PASSWORD, Client, Server

_BLOCK = 2**14
_BLOCKS_PER_ROUND_TRIP = 64
"""1 MiB, by which every size can be divided."""


def fill(client: Client, mebibytes: int) -> None:
    """Write keys `open-webui:filler:0` and following, of 16 KiB each."""
    block = "x" * _BLOCK
    for start in range(0, mebibytes * 2**20 // _BLOCK, _BLOCKS_PER_ROUND_TRIP):
        pipeline = client.pipeline(transaction=False)
        for number in range(start, start + _BLOCKS_PER_ROUND_TRIP):
            pipeline.set(f"open-webui:filler:{number}", block)
        pipeline.execute()


@contextmanager
def slow_subscriber(server: Server) -> Iterator[socket.socket]:
    """A subscriber of `socketio` that does not read what it is sent."""
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(f"AUTH openwebui {APPLICATION_PASSWORD}\r\nSUBSCRIBE socketio\r\n".encode())
        yield connection


def subscribers(server: Server) -> int:
    """Number of subscribers of `socketio`."""
    return int(server.openwebui().pubsub_numsub("socketio")[0][1])
