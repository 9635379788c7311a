"""What the tests of real servers share: a directory of the servers' own and the rendered manifests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from xdist.remote import Producer

from tests.support.scheduling import GroupScheduling
from tests.support.servers.groups import group_of, place_of
from tests.support.servers.open_webui import web as web
from tests.support.servers.postgresql_database import database as database
from tests.support.servers.redis_server import engine as engine
from tests.support.servers.redis_server import server as server
from tests.support.servers.redis_server import start as start
from tests.support.servers.rendered import manifest as manifest
from tests.support.servers.run_directory import use_run_directory
from tests.support.servers.server_process import server_directory


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The groups that take longest come first; the order is otherwise that of the files."""
    items.sort(key=lambda item: place_of(item.nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> GroupScheduling:
    """One worker for the tests that share servers."""
    return GroupScheduling(config, log, group_of)


@pytest.fixture(scope="session", autouse=True)
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> None:
    """One directory for all workers: database templates, bytecode."""
    own = tmp_path_factory.getbasetemp()
    use_run_directory(own if worker_id == "master" else own.parent)


@pytest.fixture
def directory() -> Iterator[Path]:
    """Empty directory of the servers' user."""
    with server_directory() as path:
        yield path
