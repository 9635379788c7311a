"""Open WebUI's HTTP API as one replica serves it, called from the client pod."""

from dataclasses import dataclass
from typing import Any

from ..deployed.stack import SCRIPTS, Account, Stack
from .client_pod import CONTAINER


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    """HTTP status; 0 when there was no answer."""

    body: Any
    """Of an answer in JSON."""

    reason: str = ""
    """Why there was no answer."""

    def __str__(self) -> str:
        """``status 403``, or why there was no answer. Never the body: it may hold a token."""
        return f"status {self.status}" if self.status else f"no answer ({self.reason})"


@dataclass(frozen=True, kw_only=True)
class WebApi:
    """The API at one address."""

    stack: Stack
    client: str
    """Name of the client pod."""

    url: str
    """``http://<address>:<port>``."""

    def request(self, method: str, path: str, token: str = "", json: Any = None) -> Answer:
        """Make a request. Token and body reach the pod through the standard input of its Python."""
        config = {"method": method, "url": f"{self.url}{path}", "token": token, "json": json}
        seen = self.stack.kubectl.python(self.client, SCRIPTS / "http_request.py", config, container=CONTAINER)
        return Answer(**seen)

    def sign_in(self, account: Account) -> Answer:
        """Sign in; the answer's body holds ``token``."""
        return self.request("POST", "/api/v1/auths/signin", json={"email": account.email, "password": account.password})

    def sign_out(self, token: str) -> Answer:
        """Make a token invalid."""
        return self.request("POST", "/api/v1/auths/signout", token)

    def session(self, token: str) -> Answer:
        """Who a token is for; 401 when it is not valid."""
        return self.request("GET", "/api/v1/auths/", token)
