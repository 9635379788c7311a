"""HTTP servers that note each request before they answer it, and can be killed."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.servers.addresses import free_port
from tests.support.servers.server_process import running, wait_until_answered

_SERVER = """
import os, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

port, notes = int(sys.argv[1]), os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

class Noting(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        os.write(notes, f"{self.command} {url.path}\\n".encode())
        if self.headers.get("Upgrade") == "websocket":
            return self.upgrade()
        time.sleep(float(parse_qs(url.query).get("seconds", ["0"])[0]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def upgrade(self):
        self.send_response(101)
        self.send_header("Connection", "Upgrade")
        self.send_header("Upgrade", "websocket")
        self.end_headers()
        while data := self.connection.recv(4096):
            self.connection.sendall(data)
        self.close_connection = True

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass

class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

Server(("127.0.0.1", port), Noting).serve_forever()
"""


@dataclass(frozen=True)
class Noting:
    """A running server."""

    port: int
    process: "subprocess.Popen[bytes]"
    notes: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def received(self) -> list[str]:
        """The method and the path of each request."""
        return self.notes.read_text().splitlines()

    def kill(self) -> None:
        """End it as the kernel ends a process for its memory: connections break, and new ones are refused."""
        self.process.kill()
        self.process.wait()


@contextmanager
def noting_server(directory: Path, name: str) -> Iterator[Noting]:
    """A server while the block runs. ``?seconds=`` delays an answer; a websocket echoes."""
    port, log, notes = free_port(), directory / f"{name}.log", directory / f"{name}.notes"
    command = [sys.executable, "-c", _SERVER, str(port), str(notes)]
    with running(command, directory=directory, log=log, stop_signal=signal.SIGTERM, as_container_user=False) as process:
        wait_until_answered(f"http://127.0.0.1:{port}/ready", process, log, f"{name} serves")
        yield Noting(port, process, notes)
