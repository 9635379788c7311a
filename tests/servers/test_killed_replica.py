"""A replica is killed behind Traefik: what clients see, with and without the Middleware of the stack."""

import http.client
import itertools
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from components.open_webui.controllers import STICKY_COOKIE
from tests.support.servers.noting_server import Noting, noting_server
from tests.support.servers.rendered import rendered
from tests.support.servers.server_process import wait_until
from tests.support.servers.traefik import Traefik, routes, traefik

CLIENTS = 4
REQUESTS = 400
"""Of all clients together: half GET, half POST."""

PAUSE = 0.01
SLOW = "?seconds=5"
"""Longer than a busy machine needs to bring all requests to their replicas."""
CONNECT_SECONDS = 1
METHODS = {"GET": 0, "POST": 1}


def middleware() -> dict[str, Any]:
    """That of the stack, as it would be deployed."""
    sets = (
        "openWebui.host=chat.example.com",
        "openWebui.ingress.enabled=true",
        "openWebui.ingress.className=traefik",
        "openWebui.ingress.retryConnections=true",
    )
    spec: dict[str, Any] = rendered("dev", "Middleware", "open-webui-retry", sets)["spec"]
    return spec


@dataclass
class Outcome:
    """What the clients saw."""

    statuses: list[tuple[str, int]] = field(default_factory=list)
    """Method and status of each request."""

    def failed(self, method: str) -> int:
        return sum(each == method and status != 200 for each, status in self.statuses)


@contextmanager
def replicas(directory: Path, number: int = 2) -> Iterator[list[Noting]]:
    """Two servers or more."""
    with ExitStack() as entered:
        yield [entered.enter_context(noting_server(directory, f"replica-{index}")) for index in range(number)]


def urls(servers: list[Noting]) -> list[str]:
    return [server.url for server in servers]


def request(port: int, method: str, path: str, headers: dict[str, str] | None = None) -> http.client.HTTPResponse:
    """The answer to one request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, b"question" if method == "POST" else None, headers or {})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


def load(port: int, victim: Noting) -> Outcome:
    """Requests of all clients at the same time. After a quarter of them the victim is killed."""
    outcome, numbers, killed = Outcome(), itertools.count(), threading.Event()

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        while (number := next(numbers)) < REQUESTS:
            if number == REQUESTS // 4:
                victim.kill()
                killed.set()
            method = list(METHODS)[number % 2]
            connection.request(method, f"/{number}", b"question" if method == "POST" else None)
            answer = connection.getresponse()
            answer.read()
            outcome.statuses.append((method, answer.status))
            time.sleep(PAUSE)
        connection.close()

    with ThreadPoolExecutor(CLIENTS) as pool:
        for done in [pool.submit(client) for _ in range(CLIENTS)]:
            done.result()
    assert killed.is_set()
    assert len(outcome.statuses) == REQUESTS
    return outcome


def repeated_posts(servers: list[Noting]) -> list[str]:
    """POST requests that replicas received more than once."""
    received = Counter(each for server in servers for each in server.received() if each.startswith("POST"))
    return [each for each, times in received.items() if times > 1]


@pytest.mark.parametrize("retries", [False, True], ids=["without", "with"])
def test_a_killed_replica_costs_only_requests_in_progress(tmp_path: Path, retries: bool) -> None:
    with replicas(tmp_path) as servers:
        arguments = routes(tmp_path, urls(servers), middleware() if retries else None)
        with traefik(tmp_path, arguments) as proxy:
            outcome = load(proxy.port, servers[0])
        failed = {method: outcome.failed(method) for method in METHODS}
        print(f"retries {retries}: failed {failed} of {REQUESTS}", Counter(status for _, status in outcome.statuses))
        assert repeated_posts(servers) == []
    if retries:
        # Those that the victim was answering: at most one of each client.
        assert sum(failed.values()) <= CLIENTS, failed
    else:
        assert all(failed[method] > CLIENTS for method in METHODS), failed


def test_a_post_that_a_replica_received_is_not_repeated(tmp_path: Path) -> None:
    with replicas(tmp_path) as servers, traefik(tmp_path, routes(tmp_path, urls(servers), middleware())) as proxy:
        with ThreadPoolExecutor(CLIENTS) as pool:
            answers = [pool.submit(request, proxy.port, "POST", f"/slow-{index}{SLOW}") for index in range(CLIENTS)]
            for server in servers:
                wait_until(lambda s=server: _slow(s) == CLIENTS // 2, "each replica has half of the requests")  # type: ignore[misc]
            servers[0].kill()
            statuses = sorted(each.result().status for each in answers)
        assert statuses == [200] * (CLIENTS // 2) + [502] * (CLIENTS // 2)
        assert _slow(servers[1]) == CLIENTS // 2
        assert repeated_posts(servers) == []


def _slow(server: Noting) -> int:
    return sum("slow" in each for each in server.received())


@pytest.mark.parametrize("method", METHODS)
def test_a_node_that_is_lost_costs_the_time_to_connect(tmp_path: Path, method: str) -> None:
    """By default Traefik waits 30 s for a connection: a setting of its own."""
    with (
        noting_server(tmp_path, "alive") as alive,
        silent_server() as lost,
        traefik(
            tmp_path,
            routes(tmp_path, [f"http://127.0.0.1:{lost}", alive.url], middleware()),
            f"--serversTransport.forwardingTimeouts.dialTimeout={CONNECT_SECONDS}s",
        ) as proxy,
    ):
        times = []
        for index in range(2):
            started = time.monotonic()
            assert request(proxy.port, method, f"/{index}").status == 200
            times.append(time.monotonic() - started)
    assert max(times) > CONNECT_SECONDS, "no request came to the lost replica"


@contextmanager
def silent_server() -> Iterator[int]:
    """A port whose queue of connections is full: a connection is neither made nor refused, as on a lost node."""
    with ExitStack() as entered:
        listening = entered.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        port: int = listening.getsockname()[1]
        for _ in range(8):
            waiting = entered.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        yield port


def test_websockets_are_opened_at_another_replica_and_pass(tmp_path: Path) -> None:
    with replicas(tmp_path) as servers, traefik(tmp_path, routes(tmp_path, urls(servers), middleware())) as proxy:
        servers[0].kill()
        for index in range(CLIENTS):
            assert echoed(proxy, f"/ws/{index}") == b"event"
        assert sum("/ws/" in each for each in servers[1].received()) == CLIENTS


def echoed(proxy: Traefik, path: str) -> bytes:
    """The answer of the replica over a websocket's connection."""
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as connection:
        head = f"GET {path} HTTP/1.1\r\nHost: chat\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        connection.sendall(head.encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += connection.recv(4096)
        assert answer.startswith(b"HTTP/1.1 101 "), answer
        connection.sendall(b"event")
        return connection.recv(4096)


def test_a_cookie_of_traefik_names_the_killed_replica_until_its_endpoint_is_removed(tmp_path: Path) -> None:
    """Why docs/exposure.md excludes sticky sessions of Traefik."""
    with replicas(tmp_path) as servers:
        arguments = routes(tmp_path, urls(servers), middleware(), cookie=STICKY_COOKIE)
        with traefik(tmp_path, arguments) as proxy:
            cookie = request(proxy.port, "GET", "/first").headers["Set-Cookie"].partition(";")[0]
            [served] = [server for server in servers if "GET /first" in server.received()]
            served.kill()
            assert request(proxy.port, "GET", "/again", {"Cookie": cookie}).status == 502
            routes(tmp_path, [server.url for server in servers if server is not served], cookie=STICKY_COOKIE)
            wait_until(
                lambda: request(proxy.port, "GET", "/again", {"Cookie": cookie}).status == 200,
                "the other replica serves",
            )
