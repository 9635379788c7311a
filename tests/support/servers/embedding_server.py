"""A service of embeddings in the form of OpenAI's: texts with the same words have near vectors."""

import hashlib
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DIMENSIONS = 64


def vector_of(text: str) -> list[float]:
    """Counts of the words, each at the place that its hash names; the last number keeps it from being zero."""
    vector = [0.0] * DIMENSIONS
    for word in text.lower().replace(".", " ").replace("?", " ").split():
        vector[int.from_bytes(hashlib.sha256(word.encode()).digest()[:2], "big") % (DIMENSIONS - 1)] += 1
    return [*vector[:-1], 0.1]


@dataclass
class EmbeddingServer:
    """The running service."""

    url: str = ""
    """As `RAG_OPENAI_API_BASE_URL` takes it."""

    hangs: bool = False
    """Whether it answers no request."""

    refuses: bool = False
    """Whether it answers 401."""

    models: Counter[str] = field(default_factory=Counter)
    """Number of texts that it embedded, by the model."""

    asked: threading.Event = field(default_factory=threading.Event)
    """Set by every request."""


@contextmanager
def embedding_server() -> Iterator[EmbeddingServer]:
    """The service, on loopback, while the body runs."""
    state = EmbeddingServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
            state.asked.set()
            while state.hangs:
                time.sleep(0.05)
            if state.refuses:
                self._answer(401, {"error": {"message": "the key is not valid"}})
                return
            state.models[body["model"]] += len(texts)
            data = [{"index": number, "embedding": vector_of(text)} for number, text in enumerate(texts)]
            self._answer(200, {"object": "list", "data": data, "model": body["model"]})

        def log_message(self, format: str, *args: Any) -> None:
            """Print nothing."""

        def _answer(self, status: int, value: dict[str, Any]) -> None:
            text = json.dumps(value).encode()
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)
            except ConnectionError:
                # The client was ended.
                return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    state.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield state
    finally:
        state.hangs = False
        server.shutdown()
        server.server_close()
