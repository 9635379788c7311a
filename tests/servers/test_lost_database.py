"""Open WebUI's answers while its database restarts, stays away, or is lost with its node."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from components.open_webui.files.startup.database_restart import LONGEST_WAIT_SECONDS
from tests.support.servers.lost_node import Node, node
from tests.support.servers.open_webui import Web
from tests.support.servers.replica import Replica
from tests.support.servers.server_process import wait_until

FIRST_SECONDS = 30
"""Until an open connection is given up (tcp_user_timeout), and a new one (connect_timeout); without limits minutes."""
NEXT_SECONDS = 12
"""Until a new connection is given up."""


@pytest.fixture
def database_node(web: Web) -> Iterator[Node]:
    """The node of the database."""
    database = web.servers.database
    with node(database.directory / "run" / f".s.PGSQL.{database.port}") as there:
        yield there


@pytest.fixture
def replica(web: Web, database_node: Node) -> Iterator[Replica]:
    """A replica whose database is there."""
    own = web.deployment.secrets["postgresql-secret"]["client-url"]
    url = own.replace(f"127.0.0.1:{web.servers.database.port}", f"{database_node.host}:{database_node.port}")
    assert url != own
    secrets = {**web.deployment.secrets, "postgresql-secret": {"client-url": url}}
    with replace(web.deployment, secrets=secrets).replicas(1) as [one]:
        yield one


def answered(replica: Replica, path: str, token: str = "") -> tuple[int, float]:
    """Status of the answer, and seconds until it was there."""
    began = time.monotonic()
    return replica.request("GET", path, token=token).status, time.monotonic() - began


def test_a_lost_database_is_noticed_after_seconds(web: Web, database_node: Node, replica: Replica) -> None:
    token = web.admin_token()
    assert answered(replica, "/api/v1/auths/", token)[0] == 200
    database_node.lose()
    for path in ("/health/db", "/api/v1/auths/"):
        status, seconds = answered(replica, path, token)
        print(f"{path}: {status} after {seconds:.1f} s")
        assert status >= 500
        assert seconds < FIRST_SECONDS
        status, seconds = answered(replica, path, token)
        print(f"{path}: {status} after {seconds:.1f} s")
        assert status >= 500
        assert seconds < NEXT_SECONDS
    assert answered(replica, "/health")[0] == 200
    database_node.find()
    wait_until(lambda: answered(replica, "/api/v1/auths/", token)[0] == 200, "the database is back", 30)
    assert answered(replica, "/health/db")[0] == 200


def test_requests_wait_for_a_database_that_restarts(web: Web, database_node: Node, replica: Replica) -> None:
    token = web.admin_token()
    assert answered(replica, "/api/v1/auths/", token)[0] == 200
    database_node.stop_server()
    # More than connections are allowed.
    with ThreadPoolExecutor(max_workers=20) as clients:
        requests = [clients.submit(answered, replica, "/api/v1/auths/", token) for _ in range(20)]
        time.sleep(3)
        assert not any(request.done() for request in requests)
        assert answered(replica, "/health")[0] == 200
        database_node.start_server()
    assert [request.result()[0] for request in requests] == [200] * 20


def test_a_database_that_stays_away_is_an_error(web: Web, database_node: Node, replica: Replica) -> None:
    token = web.admin_token()
    assert answered(replica, "/api/v1/auths/", token)[0] == 200
    database_node.stop_server()
    status, seconds = answered(replica, "/api/v1/auths/", token)
    assert status >= 500
    assert LONGEST_WAIT_SECONDS <= seconds + 0.1 < LONGEST_WAIT_SECONDS + 5
    status, seconds = answered(replica, "/api/v1/auths/", token)
    assert status >= 500
    assert seconds < 3
    database_node.start_server()
    assert answered(replica, "/api/v1/auths/", token)[0] == 200
