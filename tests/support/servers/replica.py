"""A web replica as a process of this machine, and the requests that tests make to it."""

import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Answer:
    """The response to a request."""

    status: int
    headers: "Message[str, str]"
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)


@dataclass(frozen=True)
class Replica:
    """A running web pod: the process of its container ``open-webui``."""

    port: int
    process: "subprocess.Popen[bytes]"
    log: Path
    data: Path
    """Its data directory."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def request(
        self, method: str, path: str, body: Any = None, *, token: str = "", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Make a request with a body in JSON; an answer that is an error is an answer, a redirection is not followed.

        Raises:
            URLError: nothing answered.
        """
        data = None if body is None else json.dumps(body).encode()
        configured = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        request = urllib.request.Request(f"{self.url}{path}", data, {**configured, **(headers or {})}, method=method)
        try:
            with _opener.open(request, timeout=60) as response:
                return Answer(response.status, response.headers, response.read().decode(errors="replace"))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read().decode(errors="replace"))

    def sign_in(self, email: str, password: str) -> Answer:
        """Sign in; the answer's body holds ``token``."""
        return self.request("POST", "/api/v1/auths/signin", {"email": email, "password": password})


class _NoRedirection(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_arguments: Any) -> None:
        return None


_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirection)
