"""Answers on the port of Open WebUI while it must not serve, so that the kubelet does not restart the container."""

import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_RETRY_SECONDS = 5


class _Handler(BaseHTTPRequestHandler):
    timeout = 5

    def __getattr__(self, name: str) -> Callable[[], None]:
        # The handlers of all methods.
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def _answer(self) -> None:
        alive = self.path.partition("?")[0] == "/health"
        body = b"Open WebUI is being upgraded.\n"
        self.send_response(200 if alive else 503)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        if not alive:
            self.send_header("Retry-After", str(_RETRY_SECONDS))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing: probes ask every few seconds."""


class WaitingServer:
    """The liveness probe succeeds, everything else is not available."""

    def __init__(self) -> None:
        self._server: ThreadingHTTPServer | None = None

    def start(self) -> None:
        """Answer from now on, at the address in the arguments of uvicorn."""
        if self._server is not None or "--port" not in sys.argv:
            return
        host = _argument("--host") or "127.0.0.1"
        self._server = ThreadingHTTPServer((host, int(_argument("--port"))), _Handler)
        threading.Thread(target=self._server.serve_forever, args=[0.05], daemon=True).start()

    def __enter__(self) -> "WaitingServer":
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


def _argument(name: str) -> str:
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv[:-1] else ""
