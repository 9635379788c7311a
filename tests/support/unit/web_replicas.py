"""The web API of Open WebUI's replicas as the checks of `stackctl.verify` use it."""

import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

ADMIN = "admin@example.com"
ADMIN_PASSWORD = "first-Password-1"
Object = dict[str, Any]


@dataclass
class Web:
    """Open WebUI as the replicas serve it together."""

    shares_key: bool = True
    """Whether a token of one replica is known to the others."""

    shares_redis: bool = True
    """Whether events and sign-outs reach the others."""

    closes_websockets: bool = True
    """Whether a sign-out closes the account's websockets."""

    refuses: dict[str, int] = field(default_factory=dict)
    """Statuses of requests that are not served, by the end of their path."""

    removes_accounts: bool = True
    accounts: dict[str, str] = field(default_factory=lambda: {ADMIN: ADMIN_PASSWORD})
    """Passwords by e-mail address."""

    chats: set[str] = field(default_factory=set)
    tokens: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Replica and e-mail address of each token that has been given."""

    revoked: set[tuple[str, str]] = field(default_factory=set)
    """Tokens and the replicas that refuse them."""

    interrupted_at: str = ""
    """Path of the request at which the user presses Ctrl-C."""

    def answer(self, method: str, url: str, token: str, body: Any) -> tuple[int, Any]:
        parts = urlsplit(url)
        replica, path = str(parts.hostname), parts.path
        if self.interrupted_at and self.interrupted_at in path:
            self.interrupted_at = ""
            raise KeyboardInterrupt
        for end, status in self.refuses.items():
            if path.endswith(end):
                return status, None
        if path in ("/health", "/health/db", "/ready"):
            return 200, {"status": True}
        if path == "/api/v1/auths/signin":
            if self.accounts.get(body["email"]) != body["password"]:
                return 400, None
            self.tokens[made := uuid.uuid4().hex] = (replica, body["email"])
            return 200, {"token": made}
        if not self._valid(token, replica):
            return 401, None
        return self._signed_in(method, path, parts.query, token, replica, body)

    def _signed_in(self, method: str, path: str, query: str, token: str, replica: str, body: Any) -> tuple[int, Any]:
        if path == "/api/v1/auths/signout":
            everywhere = {"10.1.0.1", "10.1.0.2", replica} if self.shares_redis else {replica}
            self.revoked |= {(token, name) for name in everywhere}
        elif path == "/api/v1/auths/add":
            self.accounts[body["email"]] = body["password"]
            return 200, {"id": body["email"]}
        elif path == "/api/v1/users/":
            (domain,) = parse_qs(query)["query"]
            return 200, {"users": [{"id": email, "email": email} for email in self.accounts if domain in email]}
        elif method == "DELETE" and path.startswith("/api/v1/users/"):
            if not self.removes_accounts:
                return 500, None
            del self.accounts[path.rpartition("/")[2]]
        elif path == "/api/v1/chats/new":
            self.chats.add(chat := uuid.uuid4().hex)
            return 200, {"id": chat}
        elif method == "DELETE":
            self.chats.remove(path.rpartition("/")[2])
        return 200, True

    def _valid(self, token: str, replica: str) -> bool:
        given_by, email = self.tokens.get(token, ("", ""))
        known = email in self.accounts and (self.shares_key or given_by == replica)
        return known and (token, replica) not in self.revoked

    def websocket(self, config: Object) -> Object:
        status, _ = self.answer("POST", config["url"], config["token"], config["json"])
        arrives = self.shares_redis and status == 200
        closed = arrives and self.closes_websockets
        return {"event": arrives and config["mark"], "closed": closed, "seconds": 0.01, "status": status}
