"""After an outage of Redis, the real listener of Open WebUI receives events again within seconds."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import redis

from devcluster.node.images.definitions import open_webui as image
from tests.support.servers.fake_open_webui import SCRIPTS
from tests.support.servers.open_webui_image import PACKAGES, VERSION
from tests.support.servers.redis_server import Server, Start
from tests.support.servers.server_process import redis_program, running, wait_until

CHANNEL = "socketio"
OUTAGE_SECONDS = 20
"""Open WebUI's own pauses end 1, 3, 7, 15 and 31 s after the loss, with some time for each attempt."""
MOST_SECONDS = 5
LISTEN = """
import asyncio, pathlib, sys
from open_webui.socket.redis_room_channels import AsyncRedisRoomChannelManager
url, directory, change = sys.argv[1:]
if change == "shortened":
    from startup.event_listener import reconnect_soon
    reconnect_soon()
options = {"socket_timeout": None, "socket_connect_timeout": 2}
manager = AsyncRedisRoomChannelManager(url, redis_options=options)
manager.initialize = None

async def listen():
    async for event in manager._listen():
        pathlib.Path(directory, event.decode()).touch()

asyncio.run(listen())
"""


@contextmanager
def listener(server: Server, place: Path, change: str) -> Iterator[Path]:
    """A listener in a process of its own while the block runs, and the directory with what it has received."""
    received = place / change
    received.mkdir()
    with running(
        [str(PACKAGES / "bin" / "python"), "-c", LISTEN, server.url(1), str(received), change],
        directory=place,
        log=place / f"{change}.log",
        stop_signal=signal.SIGKILL,
        environment={
            "PATH": os.environ["PATH"],
            "HOME": str(place),
            "PYTHONPATH": str(SCRIPTS),
            "DATA_DIR": str(place),
            **{name: value for name, value in image(VERSION).environment.items() if name != "PATH"},
        },
        as_container_user=False,
    ):
        yield received


def publish(server: Server, event: str) -> bool:
    """Whether the server took an event."""
    try:
        server.openwebui(1).publish(CHANNEL, event)
    except (redis.ConnectionError, redis.exceptions.BusyLoadingError):
        return False
    return True


def hears(server: Server, event: str, received: Path) -> bool:
    """Whether a listener has received an event, which is published again."""
    return publish(server, event) and (received / event).exists()


def test_events_are_received_soon_after_redis_is_back(start: Start, tmp_path: Path) -> None:
    with (
        start("prod") as server,
        listener(server, tmp_path, "shortened") as shortened,
        listener(server, tmp_path, "unchanged") as unchanged,
    ):
        for received in (shortened, unchanged):
            wait_until(partial(hears, server, "before", received), "the first event")
        server.kill()
        time.sleep(OUTAGE_SECONDS)
        command = [redis_program("redis-server"), str(server.directory / "redis.conf")]
        log = server.directory / "redis.log"
        with running(command, directory=server.directory, log=log, stop_signal=signal.SIGTERM):
            wait_until(partial(publish, server, "unheard"), "Redis")
            began = time.monotonic()
            wait_until(partial(hears, server, "after", shortened), "an event", MOST_SECONDS)
            # Without the change it is still deaf: the outage was long enough to show a difference.
            assert not (unchanged / "after").exists()
            wait_until(partial(hears, server, "after", unchanged), "an event with Open WebUI's own pauses")
            assert time.monotonic() - began > MOST_SECONDS
