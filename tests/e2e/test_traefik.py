"""Browsers come through Traefik: by an Ingress, then by a Gateway of the stack. Both end TLS with a Secret."""

import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, WebSocket, expect

from stackctl.deployed.stack import WEB, Stack
from tests.support.e2e import faults
from tests.support.e2e.browser import ask, opened, sign_in
from tests.support.e2e.measurements import Measurements
from tests.support.e2e.model_access import model
from tests.support.e2e.model_server import answer_to
from tests.support.e2e.node import Node
from tests.support.e2e.session_tokens import Token
from tests.support.e2e.slow_upload import slow_upload
from tests.support.e2e.traefik import CLASS, IMPATIENT, Traefik, traefik
from tests.support.servers.certificates import certify, make_authority

HOST = "chat.example.com"
SECRET = "open-webui-tls"
FILE_BYTES = 12 * 2**20
SLOW_SECONDS = 75
"""Longer than the time that Traefik's entry point allows by default."""

DEFAULT_SECONDS = 60
# The ports of the listeners are those of the Helm chart of Traefik, as here.
KINDS = {
    "ingress": {"className": CLASS, "tlsSecretName": SECRET, "retryConnections": "true"},
    "gateway": {"className": CLASS, "tlsSecretName": SECRET, "retryConnections": "true"},
}
ROUTERS = {"ingress": "@kubernetes", "gateway": "@kubernetesgateway"}
ANSWER_MILLISECONDS = 60_000
REQUESTS, RATE = 200, 8.0
MOST_FAILED = 1
"""Of the requests, if a web pod is killed: the one that it was answering."""


@pytest.fixture(scope="module")
def proxy(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traefik]:
    """Traefik, and the certificate of the host."""
    directory = tmp_path_factory.mktemp("certificate")
    certify(make_authority(directory / "authority").parent, directory, HOST)
    files = [f"--cert={directory}/tls.crt", f"--key={directory}/tls.key"]
    stack.kubectl.run("create", "secret", "tls", SECRET, *files)
    with traefik(stack.kubectl) as running:
        yield running
    stack.kubectl.run("delete", "secret", SECRET)


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest, node: Node, stack: Stack, proxy: Traefik) -> str:
    """The kind of exposure, deployed in place of the one before."""
    assert proxy.address
    name = str(request.param)
    others = [key for key in node.sets if key.startswith(tuple(f"openWebui.{each}." for each in KINDS))]
    for key in others:
        del node.sets[key]
    values = {"enabled": "true", **KINDS[name]}
    node.sets.update({"openWebui.host": HOST, **{f"openWebui.{name}.{key}": value for key, value in values.items()}})
    before = {pod["metadata"]["uid"] for pod in stack.ready(WEB)}
    node.up()
    if others:
        # The URL stays: the objects of the exposure change, and no pod.
        assert {pod["metadata"]["uid"] for pod in stack.ready(WEB)} == before
    return name


@pytest.fixture(scope="module")
def chatting(stack: Stack, client: str) -> Iterator[Stack]:
    """The stack with a model to talk to."""
    with model(stack, client, stack.administrator()):
        yield stack


@pytest.fixture
def page(chatting: Stack, proxy: Traefik, kind: str) -> Iterator[Page]:
    """A browser with the web interface, through Traefik."""
    assert chatting.ready(WEB)
    assert kind
    with opened(f"https://{HOST}", addresses={HOST: proxy.address}) as opened_page:
        yield opened_page


def test_a_person_signs_in_chats_over_a_websocket_and_uploads_a_file(
    chatting: Stack, page: Page, proxy: Traefik, kind: str, tmp_path: Path
) -> None:
    websockets: list[str] = []

    def noted(websocket: WebSocket) -> None:
        websockets.append(websocket.url)

    page.on("websocket", noted)
    served = proxy.requests_of(ROUTERS[kind])
    sign_in(chatting, page)
    file = tmp_path / "film.mp4"
    # The application stores a film as it is; any other type would be read and embedded.
    file.write_bytes(b"\0\0\0\x18ftypmp42" + bytes(FILE_BYTES))
    with page.expect_response(lambda each: "/api/v1/files/" in each.url and each.request.method == "POST") as upload:
        page.locator("input[type=file]").first.set_input_files(file)
    assert upload.value.status == 200
    assert upload.value.json()["meta"]["size"] == file.stat().st_size
    expect(page.get_by_role("button", name="Waiting for upload")).to_be_hidden(timeout=ANSWER_MILLISECONDS)
    # Over a reload the page keeps an unsent question as it stored it. With an upload in it that has not ended, it waits
    # without an end.
    page.evaluate("sessionStorage.clear()")
    page.reload()
    ask(page, "first question")
    expect(page.get_by_text(answer_to("first question"))).to_be_visible(timeout=ANSWER_MILLISECONDS)
    assert any(each.startswith(f"wss://{HOST}/ws/socket.io/") for each in websockets)
    assert proxy.requests_of(ROUTERS[kind]) > served, "another router of Traefik served the browser"


# Both kinds are at the entry point with the longer time.
@pytest.mark.parametrize("kind", ["ingress", pytest.param("gateway", marks=pytest.mark.fault)], indirect=True)
def test_an_upload_of_more_than_a_minute_needs_the_read_timeout_of_the_entry_point(
    chatting: Stack, proxy: Traefik, kind: str
) -> None:
    token = _token(chatting, proxy)
    with ThreadPoolExecutor(2) as pool:
        options: dict[str, Any] = {"seconds": SLOW_SECONDS, "size": FILE_BYTES}
        patient = pool.submit(slow_upload, proxy.address, 443, HOST, token, **options)
        if kind == "ingress":
            # The listeners of the Gateway are at the other entry points.
            cut = pool.submit(slow_upload, proxy.address, IMPATIENT, HOST, token, **options).result()
            assert cut.status != 200
            assert DEFAULT_SECONDS - 1 <= cut.seconds < SLOW_SECONDS
        outcome = patient.result()
    assert (outcome.status, outcome.size) == (200, FILE_BYTES)
    assert outcome.seconds >= SLOW_SECONDS


@pytest.mark.fault
def test_a_killed_web_pod_costs_at_most_one_request(
    chatting: Stack, proxy: Traefik, kind: str, measurements: Measurements
) -> None:
    replicas, token = len(chatting.ready(WEB)), _token(chatting, proxy)
    fault = faults.kill(WEB, WEB)
    with ThreadPoolExecutor(int(RATE) * 2) as pool:
        answers = []
        for number in range(REQUESTS):
            if number == REQUESTS // 4:
                killed = pool.submit(fault, chatting)
            answers.append(pool.submit(_status, proxy, token))
            time.sleep(1 / RATE)
        killed.result()
        failed = [each.result() for each in answers if each.result() != 200]
    faults.wait_until_ready(chatting, replicas)
    measured = f"{len(failed)} of {REQUESTS} requests failed"
    measurements.add(f"a web pod is killed behind Traefik ({kind})", measured)
    assert len(failed) <= MOST_FAILED, failed


def test_http_is_redirected_by_the_gateway_of_the_stack(proxy: Traefik, kind: str) -> None:
    """An Ingress has no redirect with Traefik: it is a setting of the entry point."""
    status, location = _plain(proxy.address)
    assert (status, location) == ((301, f"https://{HOST}/") if kind == "gateway" else (404, None))


def _token(stack: Stack, proxy: Traefik) -> str:
    administrator = stack.administrator()
    body = json.dumps({"email": administrator.email, "password": administrator.password}).encode()
    url = f"https://{proxy.address}/api/v1/auths/signin"
    headers = {"Host": HOST, "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), context=_untrusted(), timeout=30) as answer:
        return Token(json.load(answer)["token"])


def _untrusted() -> ssl.SSLContext:
    """For the certificate of the test, which no authority has signed."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _status(proxy: Traefik, token: str) -> int | str:
    """The status of a request of a signed-in user, or the error."""
    headers = {"Host": HOST, "Authorization": f"Bearer {token}"}
    request = urllib.request.Request(f"https://{proxy.address}/api/v1/chats/", headers=headers)
    try:
        with urllib.request.urlopen(request, context=_untrusted(), timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError as error:
        return str(error)


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _plain(address: str) -> tuple[int, str | None]:
    request = urllib.request.Request(f"http://{address}/", headers={"Host": HOST})
    try:
        with urllib.request.build_opener(_Stay).open(request, timeout=30) as answer:
            return int(answer.status), None
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("Location")
