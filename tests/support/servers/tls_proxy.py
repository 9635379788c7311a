"""A load balancer that ends TLS in front of Open WebUI: it says so in `X-Forwarded-Proto` and passes everything on."""

import asyncio
import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_HEAD_END = b"\r\n\r\n"
_CHUNK = 65536


@contextmanager
def tls_proxy(port: int, web_port: int, certificate: Path, key: Path, address: str = "127.0.0.1") -> Iterator[None]:
    """Serve on the address while the block runs.

    Args:
        port: where browsers come.
        web_port: port of the web interface on 127.0.0.1, which speaks HTTP.
        certificate: file of the certificate, in PEM.
        key: file of its key, in PEM.
        address: where it listens.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    async def serve(client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        try:
            head = await client.readuntil(_HEAD_END)
            web, requests = await asyncio.open_connection("127.0.0.1", web_port)
            requests.write(forwarded(head.removesuffix(_HEAD_END)) + _HEAD_END)
            uploading = asyncio.ensure_future(_copy(client, requests))
            await _copy(web, answers)
            uploading.cancel()
            requests.close()
        except (OSError, asyncio.IncompleteReadError):
            pass  # one of the two has gone
        finally:
            answers.close()

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(serve, address, port, ssl=context))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0.1))
        loop.close()


def forwarded(head: bytes) -> bytes:
    """The head of a request as a load balancer passes it on. One request a connection, unless it is a websocket."""
    if re.search(rb"\r\nupgrade: *websocket", head, re.IGNORECASE) is None:
        head = re.sub(rb"\r\nconnection:[^\r]*", b"", head, flags=re.IGNORECASE) + b"\r\nConnection: close"
    return head + b"\r\nX-Forwarded-Proto: https"


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while chunk := await source.read(_CHUNK):
            target.write(chunk)
            await target.drain()
    except OSError:
        return
