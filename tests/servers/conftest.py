"""What the tests of real servers share: a directory of the servers' own and the rendered manifests."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.open_webui import web as web
from tests.servers.postgresql_database import database as database
from tests.servers.redis_server import engine as engine
from tests.servers.redis_server import server as server
from tests.servers.redis_server import start as start
from tests.servers.rendered import manifest as manifest
from tests.servers.server_process import give_away


@pytest.fixture
def directory() -> Iterator[Path]:
    """Empty directory of the servers' user.

    Not `tmp_path`: nobody but its owner can enter that, and a socket's path may have 107 bytes at most.
    """
    with tempfile.TemporaryDirectory(prefix="stack-") as name:
        give_away(Path(name))
        yield Path(name)
