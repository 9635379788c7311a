"""A browser behind a load balancer that ends TLS: the page, the websocket and the cookie have the public scheme."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Page, WebSocket, sync_playwright

from tests.support.servers.addresses import free_port
from tests.support.servers.certificates import certify, make_authority
from tests.support.servers.open_webui import ADMIN_EMAIL, Web
from tests.support.servers.server_process import missing
from tests.support.servers.tls_proxy import tls_proxy

HOST, ANOTHER = "chat.example.com", "chat.example.org"
CONNECT_SECONDS = 60


@pytest.fixture(scope="module")
def port(web: Web, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Port of a load balancer in front of an Open WebUI whose config knows of it. No browser trusts its certificate."""
    directory, balancer = tmp_path_factory.mktemp("tls"), free_port()
    make_authority(directory / "authority")
    certify(directory / "authority", directory, HOST, ANOTHER)
    sets = {
        "openWebui.host": HOST,
        "openWebui.additionalHosts[0]": ANOTHER,
        "openWebui.publicScheme": "https",
        "openWebui.publicPort": str(balancer),
    }
    deployment = web.servers.open_webui("dev", *(f"{key}={value}" for key, value in sets.items()))
    with ExitStack() as resources:
        [replica] = resources.enter_context(deployment.replicas(1))
        resources.enter_context(tls_proxy(balancer, replica.port, directory / "tls.crt", directory / "tls.key"))
        yield balancer


@pytest.fixture
def page() -> Iterator[Page]:
    """A browser that finds the load balancer under each of the names."""
    program = shutil.which("chromium")
    if not program:
        missing("chromium", "chromium")
    names = ",".join(f"MAP {name} 127.0.0.1" for name in (HOST, ANOTHER))
    arguments = [f"--host-resolver-rules={names}", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        try:
            page = browser.new_context(ignore_https_errors=True).new_page()
            page.set_default_timeout(1000 * CONNECT_SECONDS)
            yield page
        finally:
            browser.close()


@pytest.mark.parametrize("host", [HOST, ANOTHER])
def test_the_websocket_connects_under_each_public_host(web: Web, port: int, page: Page, host: str) -> None:
    received = frames(page)
    page.goto(f"https://{host}:{port}")
    page.locator("input[type=email]").fill(ADMIN_EMAIL)
    page.locator("input[type=password]").fill(web.deployment.admin_password)
    page.get_by_role("button", name="Sign in").click()
    page.locator("#chat-input").wait_for()
    assert connects(page, received), "no message of Socket.IO came back"
    [token] = [cookie for cookie in page.context.cookies() if cookie["name"] == "token"]
    assert token["secure"]
    assert token["domain"] == host


def frames(page: Page) -> list[str]:
    """Messages that arrive over websockets. `0` and `40` are those of Socket.IO's protocol that open a connection."""
    received: list[str] = []

    def listen(websocket: WebSocket) -> None:
        assert websocket.url.startswith("wss://")
        websocket.on("framereceived", lambda payload: received.append(str(payload)))

    page.on("websocket", listen)
    return received


def connects(page: Page, received: list[str]) -> bool:
    """Whether Socket.IO connects in time."""
    deadline = time.monotonic() + CONNECT_SECONDS
    while time.monotonic() < deadline:
        if any(frame.startswith("40") for frame in received):
            return True
        page.wait_for_timeout(200)
    return False
