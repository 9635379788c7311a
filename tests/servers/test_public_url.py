"""The real Open WebUI behind a load balancer that ends TLS: origins, cookies and the way back from a sign-in."""

import http.client
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.servers.known_symptoms import symptoms
from tests.support.servers.open_webui import ADMIN_EMAIL, Web
from tests.support.servers.replica import Replica
from tests.support.servers.server_process import wait_until

HOST, ANOTHER = "chat.example.com", "chat.example.org"
PUBLIC = (f"openWebui.host={HOST}", "openWebui.publicScheme=https")
SIGN_IN = "/oauth/oidc/login"


class _Provider(BaseHTTPRequestHandler):
    """The discovery document of an identity provider; the rest of one is not asked before the way back."""

    def do_GET(self) -> None:
        issuer = f"http://{self.headers['Host']}"
        endpoints = {"authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/keys"}
        text = json.dumps({"issuer": issuer, **{name: f"{issuer}{path}" for name, path in endpoints.items()}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def sign_in() -> Iterator[tuple[str, ...]]:
    """Config keys of an identity provider."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Provider) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        keys = {
            "providerUrl": f"http://127.0.0.1:{server.server_port}/.well-known/openid-configuration",
            "clientId": "open-webui",
            "publicClient": "true",
        }
        yield tuple(f"openWebui.auth.oidc.{key}={value}" for key, value in keys.items())
        server.shutdown()


@pytest.fixture(scope="module")
def public(web: Web, sign_in: tuple[str, ...]) -> Iterator[Replica]:
    """A replica whose TLS ends before it, by the config."""
    with web.servers.open_webui("dev", *PUBLIC, *sign_in).replicas(1) as [replica]:
        yield replica


@pytest.fixture(scope="module")
def of_two_hosts(web: Web, sign_in: tuple[str, ...]) -> Iterator[Replica]:
    """The same with a further host."""
    further = f"openWebui.additionalHosts[0]={ANOTHER}"
    with web.servers.open_webui("dev", *PUBLIC, *sign_in, further).replicas(1) as [replica]:
        yield replica


@pytest.mark.parametrize(
    ("origin", "status"),
    [(f"https://{HOST}", 101), (f"http://{HOST}", 403), (f"https://{ANOTHER}", 403), (f"https://{HOST}:8443", 403)],
)
def test_the_websocket_is_for_the_public_origin_alone(public: Replica, origin: str, status: int) -> None:
    assert upgrade(public, origin) == status


def test_doctor_recognizes_a_refused_origin(public: Replica) -> None:
    assert upgrade(public, "https://other.example.net") == 403
    wait_until(lambda: bool(symptoms("open-webui", public.log.read_text())), "the line of the log", 10)
    assert symptoms("open-webui", public.log.read_text()) == ["The page loads, but the websocket does not (403)"]


@pytest.mark.parametrize(("origin", "status"), [(f"https://{HOST}", 101), (f"https://{ANOTHER}", 101)])
def test_the_websocket_is_for_each_host(of_two_hosts: Replica, origin: str, status: int) -> None:
    assert upgrade(of_two_hosts, origin) == status


def test_the_cookie_is_for_https_alone(web: Web, public: Replica) -> None:
    cookies = public.sign_in(ADMIN_EMAIL, web.deployment.admin_password).headers.get_all("Set-Cookie") or []
    [token] = [cookie for cookie in cookies if cookie.startswith("token=")]
    assert "secure" in token.lower().split("; ")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_sign_in_comes_back_by_the_public_scheme_whatever_the_last_proxy_says(public: Replica, scheme: str) -> None:
    assert way_back(public, HOST, scheme) == f"https://{HOST}/oauth/oidc/callback"


@pytest.mark.parametrize("host", [HOST, ANOTHER])
def test_with_several_hosts_a_sign_in_comes_back_to_the_one_where_it_began(of_two_hosts: Replica, host: str) -> None:
    # Where Open WebUI decides itself it names the path that the stack sets, too.
    assert way_back(of_two_hosts, host, "https") == f"https://{host}/oauth/oidc/callback"


def upgrade(replica: Replica, origin: str) -> int:
    """Status of the answer to a browser that opens the websocket from a page of that origin."""
    connection = http.client.HTTPConnection("127.0.0.1", replica.port, timeout=30)
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Origin": origin,
    }
    try:
        connection.request("GET", "/ws/socket.io/?EIO=4&transport=websocket", headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


def way_back(replica: Replica, host: str, scheme: str) -> str:
    """Where the identity provider is asked to send the browser after a sign-in."""
    answer = replica.request("GET", SIGN_IN, headers={"Host": host, "X-Forwarded-Proto": scheme})
    assert answer.status == 302, answer.text
    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    return query["redirect_uri"][0]
