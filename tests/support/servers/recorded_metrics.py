"""Metrics that were recorded elsewhere, served to a Prometheus of the tests."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def with_label(text: str, name: str, value: str) -> str:
    """A page of metrics without comments whose every series has a further label.

    Args:
        text: the page.
        name: of the label.
        value: of the label.
    """
    return "".join(f"{_with_label(line, name, value)}\n" for line in text.splitlines())


def _with_label(line: str, name: str, value: str) -> str:
    # Neither a name nor a number has a brace or a space.
    if "{" in line:
        return line.replace("{", f'{{{name}="{value}",', 1)
    metric, number = line.split(" ", 1)
    return f'{metric}{{{name}="{value}"}} {number}'


@contextmanager
def serving(text: str) -> Iterator[str]:
    """Address of a server with the page, while the block runs."""
    body = text.encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
