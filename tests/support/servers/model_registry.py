"""A small registry of models in the form of Ollama's, with TLS, that serves one model of a few bytes."""

import hashlib
import json
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.support.servers.certificates import certify, make_authority

NAME = "team/tiny:1"
"""The model that it has."""

_STORE = "/store"
_STRING, _UNSIGNED = 8, 4


@dataclass(kw_only=True)
class Registry:
    """A running registry."""

    port: int

    authority: Path
    """Certificate of its authority."""

    downloads: list[str] = field(default_factory=list)
    """Paths of the requests for manifests and blobs."""

    @property
    def model(self) -> str:
        """Name of the model, as a client writes it."""
        return f"localhost:{self.port}/{NAME}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, registry: Registry, contents: dict[str, bytes], *arguments: Any) -> None:
        self._registry, self._contents = registry, contents
        super().__init__(*arguments)

    def do_HEAD(self) -> None:
        self._respond(with_body=False)

    def do_GET(self) -> None:
        self._registry.downloads.append(self.path)
        self._respond(with_body=True)

    def _respond(self, *, with_body: bool) -> None:
        if self.command == "GET" and "/blobs/" in self.path and not self.path.startswith(_STORE):
            # Blobs are in a store of another host, as those of the library of Ollama.
            self.send_response(307)
            self.send_header("Location", f"https://127.0.0.1:{self._registry.port}{_STORE}{self.path}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        content = self._contents.get(self.path.removeprefix(_STORE))
        status = 200 if content is not None else 404
        body = content if content is not None else b'{"errors": [{"code": "MANIFEST_UNKNOWN"}]}'
        if status == 200 and (requested := self.headers.get("Range")):
            first, _, last = requested.removeprefix("bytes=").partition("-")
            status, body = 206, body[int(first) : int(last) + 1]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: the downloads are recorded."""


@contextmanager
def model_registry(directory: Path) -> Iterator[Registry]:
    """The registry, while the block runs. Its certificates are in the directory."""
    authority = make_authority(directory / "authority")
    certify(authority.parent, directory, "localhost", "127.0.0.1")
    contents = _contents()
    registry = Registry(port=0, authority=authority)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, registry, contents))
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "tls.crt", directory / "tls.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    registry.port = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()


def _contents() -> dict[str, bytes]:
    """The files by their paths: the manifest of https://github.com/opencontainers/image-spec, and its blobs."""
    repository, _, tag = NAME.partition(":")
    configuration = json.dumps({"model_format": "gguf", "model_family": "llama", "model_type": "1"}).encode()
    blobs = {
        "application/vnd.docker.container.image.v1+json": configuration,
        "application/vnd.ollama.image.model": _model_file(),
    }
    described = [
        {"mediaType": kind, "digest": f"sha256:{hashlib.sha256(blob).hexdigest()}", "size": len(blob)}
        for kind, blob in blobs.items()
    ]
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": described[0],
        "layers": described[1:],
    }
    return {
        f"/v2/{repository}/manifests/{tag}": json.dumps(manifest).encode(),
        **{
            f"/v2/{repository}/blobs/{each['digest']}": blob
            for each, blob in zip(described, blobs.values(), strict=True)
        },
    }


def _model_file() -> bytes:
    """A model without tensors: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md."""
    values: dict[str, str | int] = {"general.architecture": "llama", "general.name": "tiny", "llama.block_count": 1}
    head = b"GGUF" + struct.pack("<IQQ", 3, 0, len(values))
    return head + b"".join(_text(key) + _value(value) for key, value in values.items())


def _value(value: str | int) -> bytes:
    if isinstance(value, int):
        return struct.pack("<II", _UNSIGNED, value)
    return struct.pack("<I", _STRING) + _text(value)


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()
