"""What the tests of real servers share: a directory of the servers' own and the rendered manifests."""

import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ops.render import planned_objects
from stack_config.files import read_stack
from tests.servers.postgresql_database import database as database
from tests.servers.redis_server import server as server
from tests.servers.redis_server import start as start
from tests.servers.server_process import give_away

Manifest = dict[str, Any]


@pytest.fixture
def directory() -> Iterator[Path]:
    """Empty directory of the servers' user.

    Not `tmp_path`: nobody but its owner can enter that, and a socket's path may have 107 bytes at most.
    """
    with tempfile.TemporaryDirectory(prefix="stack-") as name:
        give_away(Path(name))
        yield Path(name)


@cache
def _objects(environment: str) -> list[Manifest]:
    return planned_objects(read_stack(environment, ["kubeContext=rendered"]), environment)


@pytest.fixture(scope="session")
def manifest() -> Callable[[str, str, str], Manifest]:
    """Function of environment, kind and name: that object as it would be deployed."""

    def find(environment: str, kind: str, name: str) -> Manifest:
        (found,) = [
            thing for thing in _objects(environment) if (thing["kind"], thing["metadata"]["name"]) == (kind, name)
        ]
        return found

    return find
