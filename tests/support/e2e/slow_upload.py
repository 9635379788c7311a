"""An upload over a slow line."""

import json
import socket
import ssl
import time
from dataclasses import dataclass

_BOUNDARY = "upload-of-a-test"
_HEAD = (
    f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="slow.mp4"\r\n'
    "Content-Type: video/mp4\r\n\r\n"
).encode()
_TAIL = f"\r\n--{_BOUNDARY}--\r\n".encode()
_CHUNKS = 75


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How an upload ended."""

    status: int | None
    """Status of the answer; None if the connection was closed without one."""

    seconds: float
    size: int | None
    """Size of the file that the application has stored."""


def slow_upload(address: str, port: int, host: str, token: str, *, seconds: int, size: int) -> Outcome:
    """Upload a file evenly over a time.

    Args:
        address: of the proxy.
        port: its https port; any certificate is accepted.
        host: name of the web interface.
        token: of a user.
        seconds: how long the body takes.
        size: bytes of the file.
    """
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    started = time.monotonic()
    raw = socket.create_connection((address, port), timeout=seconds + 60)
    with context.wrap_socket(raw, server_hostname=host) as connection:
        length = len(_HEAD) + size + len(_TAIL)
        connection.sendall(
            f"POST /api/v1/files/?process=false HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: multipart/form-data; boundary={_BOUNDARY}\r\nContent-Length: {length}\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        try:
            connection.sendall(_HEAD)
            for sent in range(_CHUNKS):
                connection.sendall(bytes(size * (sent + 1) // _CHUNKS - size * sent // _CHUNKS))
                time.sleep(seconds / _CHUNKS)
            connection.sendall(_TAIL)
        except OSError:
            pass  # refused while the body is sent: the answer, if there is one, says why
        return _outcome(connection, started)


def _outcome(connection: ssl.SSLSocket, started: float) -> Outcome:
    answer = b""
    try:
        while block := connection.recv(65536):
            answer += block
    except OSError:
        pass  # what came until then is the answer
    seconds = time.monotonic() - started
    if not answer.startswith(b"HTTP/1.1 "):
        return Outcome(status=None, seconds=seconds, size=None)
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split()[1])
    begin, end = body.find(b"{"), body.rfind(b"}")
    size = json.loads(body[begin : end + 1])["meta"]["size"] if status == 200 else None
    return Outcome(status=status, seconds=seconds, size=size)
