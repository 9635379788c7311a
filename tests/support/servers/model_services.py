"""Small services in the form of OpenAI's and of an OpenAPI tool server, each of which accepts one key only."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TICKET = "The ticket 7 says that the printer is on fire."
FUNCTION = "find_ticket"


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request that had the right key."""

    path: str
    headers: Mapping[str, str]
    body: Any


@dataclass(kw_only=True)
class Service:
    """A running service."""

    key: str
    """The key that it accepts; empty: requests must have none."""

    models: tuple[str, ...] = ()
    url: str = ""
    calls: list[Call] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    """Paths of the requests that had another key, or none."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, service: Service, *arguments: Any) -> None:
        self._service = service
        super().__init__(*arguments)

    def do_GET(self) -> None:
        self._respond(None)

    def do_POST(self) -> None:
        self._respond(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _respond(self, body: Any) -> None:
        service, expected = self._service, f"Bearer {self._service.key}" if self._service.key else None
        if self.headers.get("Authorization") != expected:
            service.refused.append(self.path)
            self._send(401, {"error": {"message": "wrong key"}})
            return
        service.calls.append(Call(path=self.path, headers=dict(self.headers), body=body))
        status, content = self._answer(body)
        self._send(status, content)

    def _answer(self, body: Any) -> tuple[int, Any]:
        raise NotImplementedError

    def _send(self, status: int, content: Any) -> None:
        text = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: the calls are recorded."""


class _Models(_Handler):
    def _answer(self, body: Any) -> tuple[int, Any]:
        if body is None:
            return 200, {"object": "list", "data": [{"id": name, "object": "model"} for name in self._service.models]}
        if body["model"] not in self._service.models:
            return 404, {"error": {"message": f"no model {body['model']}"}}
        message = {"role": "assistant", "content": _reply(body["messages"])}
        return 200, {"object": "chat.completion", "model": body["model"], "choices": [{"index": 0, "message": message}]}


def _reply(messages: list[dict[str, Any]]) -> str:
    """A call of the tool where the prompt describes it and has no result yet, else everything it was sent."""
    everything = json.dumps(messages)
    if FUNCTION in everything and TICKET not in everything:
        return json.dumps({"tool_calls": [{"name": FUNCTION, "parameters": {"number": "7"}}]})
    return f"I was sent: {everything}"


class _Tools(_Handler):
    def _answer(self, body: Any) -> tuple[int, Any]:
        if self.path == "/openapi.json":
            return 200, _DESCRIPTION
        return (200, {"text": TICKET}) if body == {"number": "7"} else (404, {"detail": "no such ticket"})


_DESCRIPTION = {
    "openapi": "3.1.0",
    "info": {"title": "Tickets", "version": "1"},
    "paths": {
        "/tickets": {
            "post": {
                "operationId": FUNCTION,
                "summary": "Find a ticket by its number.",
                "requestBody": {
                    "content": {
                        "application/json": {"schema": {"type": "object", "properties": {"number": {"type": "string"}}}}
                    }
                },
                "responses": {"200": {"description": "The ticket."}},
            }
        }
    },
}


def model_service(*models: str, key: str) -> AbstractContextManager[Service]:
    """A service with these models.

    Args:
        models: names of the models.
        key: the key that it accepts; empty: requests must have none.
    """
    return _serving(_Models, Service(key=key, models=models), "/v1")


def tool_server(key: str) -> AbstractContextManager[Service]:
    """An OpenAPI server with the function `FUNCTION`."""
    return _serving(_Tools, Service(key=key), "")


@contextmanager
def _serving(handler: type[_Handler], service: Service, path: str) -> Iterator[Service]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, service))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    service.url = f"http://127.0.0.1:{server.server_port}{path}"
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
