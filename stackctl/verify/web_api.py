"""Open WebUI's HTTP API as one replica serves it, called from the client pod."""

from dataclasses import dataclass
from typing import Any

from ..deployed.stack import Account, Stack
from .client_pod import CONTAINER
from .scripts import SCRIPTS


@dataclass(frozen=True)
class Answer:
    """An answer, or the reason why there is no answer."""

    status: int
    """HTTP status; 0 when there is no answer."""

    body: Any
    """Body of a JSON answer; None for any other."""

    reason: str = ""
    """The reason if there is no answer."""

    def __str__(self) -> str:
        """``status 403``, or why there is no answer. Never the body: it may contain a token."""
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
        answer = self.stack.kubectl.python(self.client, SCRIPTS / "http_request.py", config, container=CONTAINER)
        return Answer(**answer)

    def sign_in(self, account: Account) -> Answer:
        """Sign in; the body of the answer has ``token``."""
        return self.request("POST", "/api/v1/auths/signin", json={"email": account.email, "password": account.password})

    def sign_out(self, token: str) -> Answer:
        """Sign a token out."""
        return self.request("POST", "/api/v1/auths/signout", token)

    def session(self, token: str) -> Answer:
        """The account of a token; status 401 when the token is not valid."""
        return self.request("GET", "/api/v1/auths/", token)
