"""A service in the form of OpenAI's that embeds texts and answers from the passages in a prompt, the same each time.

It embeds in the form of Ollama's too.
"""

import hashlib
import json
import math
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CHAT_MODEL = "test-model"
DIMENSIONS = 1536
_OLLAMA = "/api/embed"
_SOURCE = re.compile(r'<source id="([0-9]+)"[^>]*>(.*?)</source>', re.DOTALL)


@dataclass
class DocumentModel:
    """The running service."""

    url: str = ""
    """As `openWebui.openaiApiBaseUrl` takes it."""

    embeddings: list[tuple[str, str]] = field(default_factory=list)
    """Model and Authorization header of each request for embeddings."""


def words(text: str) -> list[str]:
    """The words of a text that tell texts apart."""
    return [word for word in re.findall(r"[a-z0-9]+", text.lower()) if len(word) > 3]


def embedding(text: str) -> list[float]:
    """A bag of words: each word adds one to the dimension that its hash names. Texts that share words are near."""
    vector = [0.0] * DIMENSIONS
    for word in words(text):
        vector[int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big") % DIMENSIONS] += 1
    length = math.sqrt(sum(number * number for number in vector)) or 1.0
    return [number / length for number in vector]


def answer(prompt: str) -> str:
    """The sentence of the sources in the prompt that shares most words with its last line, and the source's number."""
    question = set(words(prompt.strip().splitlines()[-1]))
    sentences = [
        (len(question & set(words(sentence))), f"{' '.join(sentence.split())} [{number}]")
        for number, passage in _SOURCE.findall(prompt)
        for sentence in re.split(r"(?<=[.!?])\s+", passage)
    ]
    return max(sentences)[1] if sentences else "I do not know."


@contextmanager
def document_model(address: str) -> Iterator[DocumentModel]:
    """The service, at an address of this machine, while the body runs."""
    model = DocumentModel()

    class Handler(_Handler):
        service = model

    server = ThreadingHTTPServer((address, 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    model.url = f"http://{address}:{server.server_port}/v1"
    try:
        yield model
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    service: DocumentModel

    def do_GET(self) -> None:
        self._send({"object": "list", "data": [{"id": CHAT_MODEL, "object": "model", "owned_by": "test"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith(("/embeddings", _OLLAMA)):
            self.service.embeddings.append((body["model"], self.headers["Authorization"]))
            texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
            if self.path.endswith(_OLLAMA):
                self._send({"model": body["model"], "embeddings": [embedding(each) for each in texts]})
                return
            data = [{"object": "embedding", "index": i, "embedding": embedding(each)} for i, each in enumerate(texts)]
            self._send({"object": "list", "model": body["model"], "data": data})
            return
        text = answer("\n".join(_text(message["content"]) for message in body["messages"]))
        if body.get("stream"):
            chunk = {"object": "chat.completion.chunk", "model": CHAT_MODEL}
            delta = {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            self._send_text(
                "text/event-stream", f"data: {json.dumps({**chunk, 'choices': [delta]})}\n\ndata: [DONE]\n\n"
            )
            return
        message = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        self._send({"object": "chat.completion", "model": CHAT_MODEL, "choices": [message]})

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def _send(self, value: dict[str, Any]) -> None:
        self._send_text("application/json", json.dumps(value))

    def _send_text(self, content_type: str, text: str) -> None:
        content = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _text(content: Any) -> str:
    return " ".join(part.get("text", "") for part in content) if isinstance(content, list) else str(content)
