"""A real OpenID Connect provider on loopback: oidc-provider, from npm."""

import json
import re
import shutil
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import pytest

from stack_config.files import ROOT
from tests.support.servers.server_process import SERVER_PACKAGES, missing, not_there, wait_until_answered

_PROGRAM = ROOT / "tests" / "support" / "servers" / "oidc" / "server.mjs"
_PACKAGES = SERVER_PACKAGES / "oidc" / "node_modules" / "oidc-provider" / "lib" / "index.js"


@dataclass(frozen=True)
class OidcServer:
    """A running provider."""

    port: int

    @property
    def discovery(self) -> str:
        """URL of the discovery document."""
        return f"http://127.0.0.1:{self.port}/.well-known/openid-configuration"


@dataclass
class Browser:
    """A user's browser at the provider: it keeps the provider's cookies."""

    server: OidcServer
    user: str
    """The user who signs in: ``sub``."""

    _cookies: CookieJar = field(default_factory=CookieJar)

    def authorize(self, url: str) -> str:
        """Follow an authorization request through the sign-in to the redirect URI, and return that.

        Args:
            url: the address that the application redirects to.
        """
        parts = urlsplit(url)
        query = urlencode([*parse_qsl(parts.query), ("login_hint", self.user)])
        location = f"{parts.scheme}://{parts.netloc}{parts.path}?{query}"
        while urlsplit(location).port == self.server.port:
            location = self._redirect(location)
        return location

    def sign_out(self) -> None:
        """Sign out at the provider, which then tells the applications by back-channel logout."""
        page = self._open(f"http://127.0.0.1:{self.server.port}/session/end").read().decode()
        [xsrf] = re.findall(r'name="xsrf" value="([^"]+)"', page)
        form = urlencode({"xsrf": xsrf, "logout": "yes"}).encode()
        self._open(f"http://127.0.0.1:{self.server.port}/session/end/confirm", form)

    def _redirect(self, url: str) -> str:
        with pytest.raises(urllib.error.HTTPError) as raised:
            self._open(url, opener=self._opener(_NoRedirection))
        with raised.value as error:
            location = error.headers["Location"]
            assert location, f"{url}: {error.code} {error.read()!r}"
            return urljoin(url, str(location))

    def _open(self, url: str, data: bytes | None = None, opener: urllib.request.OpenerDirector | None = None) -> Any:
        return (opener or self._opener()).open(urllib.request.Request(url, data), timeout=60)

    def _opener(self, *handlers: Any) -> urllib.request.OpenerDirector:
        return urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(self._cookies), *handlers
        )


class _NoRedirection(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_arguments: Any) -> None:
        return None


@contextmanager
def oidc_server(
    port: int, directory: Path, clients: Sequence[Mapping[str, Any]], users: Mapping[str, Mapping[str, Any]]
) -> Iterator[OidcServer]:
    """The provider, while the block runs.

    Args:
        port: its port on loopback; its issuer has it.
        directory: where its log goes.
        clients: metadata of the clients, as for dynamic registration.
        users: token claims of each user by ``sub``.
    """
    node = shutil.which("node")
    if not node:
        missing("node", "nodejs npm")
    if not _PACKAGES.exists():
        not_there("oidc-provider is missing; install it with: make .venv-servers/oidc/ready")
    server, log = OidcServer(port), directory / "oidc.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(node), str(_PROGRAM), str(port)],
            env={"OIDC_PROVIDER": str(_PACKAGES)},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            assert process.stdin is not None
            process.stdin.write(json.dumps({"clients": clients, "users": users}).encode())
            process.stdin.close()
            wait_until_answered(server.discovery, process, log, "the OpenID Connect provider answers")
            yield server
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
