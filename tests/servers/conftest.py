"""What the tests of real servers share: a directory of the servers' own and the rendered manifests."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.servers.open_webui import web as web
from tests.support.servers.postgresql_database import database as database
from tests.support.servers.redis_server import engine as engine
from tests.support.servers.redis_server import server as server
from tests.support.servers.redis_server import start as start
from tests.support.servers.rendered import manifest as manifest
from tests.support.servers.server_process import give_away


@pytest.fixture
def directory() -> Iterator[Path]:
    """Empty directory of the servers' user.

    Not `tmp_path`: nobody but its owner can enter that, and a socket's path may have 107 bytes at most.
    """
    with tempfile.TemporaryDirectory(prefix="stack-") as name:
        give_away(Path(name))
        yield Path(name)
