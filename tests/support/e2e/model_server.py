"""A small service in the form of OpenAI's: one model, whose answers come word by word."""

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "test-model"
_WORD_SECONDS = 0.1
_SLOW_WORD_SECONDS = 0.5
_FAST_WORD_SECONDS = 0.02
_LENGTH = re.compile(r"^Speak for ([0-9]+) s\b")
_WORDS = re.compile(r"^Say ([0-9]+) words\b")


def answer_to(prompt: str) -> str:
    """What the model says.

    For about two seconds; as slowly as a person reads for a prompt that begins with `Speak for N s`; as many words as a
    prompt that begins with `Say N words` says, 50 of them a second.
    """
    if asked := _LENGTH.match(prompt):
        words = int(int(asked[1]) / _SLOW_WORD_SECONDS)
    elif asked := _WORDS.match(prompt):
        words = int(asked[1])
    else:
        words = 20
    return f"You said: {prompt} " + " ".join(f"word{number}" for number in range(1, words + 1)) + " end."


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._json({"object": "list", "data": [{"id": MODEL, "object": "model", "owned_by": "test"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        prompt = _last_words(body["messages"])
        text, pause = answer_to(prompt), _pause(prompt)
        if not body.get("stream"):
            message = {"role": "assistant", "content": text}
            self._json({"object": "chat.completion", "model": MODEL, "choices": [{"index": 0, "message": message}]})
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        # A replica that is killed reads no further.
        with suppress(ConnectionError):
            self._stream(text, pause)

    def _stream(self, text: str, pause: float) -> None:
        for word in text.split(" "):
            self._event({"index": 0, "delta": {"role": "assistant", "content": f"{word} "}, "finish_reason": None})
            time.sleep(pause)
        self._event({"index": 0, "delta": {}, "finish_reason": "stop"})
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: what it is asked is in the browser's pictures."""

    def _json(self, value: dict[str, Any]) -> None:
        text = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _event(self, choice: dict[str, Any]) -> None:
        chunk = {"object": "chat.completion.chunk", "model": MODEL, "choices": [choice]}
        self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
        self.wfile.flush()


def _pause(prompt: str) -> float:
    """Seconds between two words."""
    if _LENGTH.match(prompt):
        return _SLOW_WORD_SECONDS
    return _FAST_WORD_SECONDS if _WORDS.match(prompt) else _WORD_SECONDS


def _last_words(messages: list[dict[str, Any]]) -> str:
    content = messages[-1]["content"]
    if isinstance(content, list):
        content = " ".join(part.get("text", "") for part in content)
    return str(content)


@contextmanager
def model_server(address: str) -> Iterator[str]:
    """The service, at an address of this machine, while the body runs.

    Yields:
        Its URL, as `openWebui.openaiApiBaseUrl` takes it.
    """
    server = ThreadingHTTPServer((address, 0), _Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{address}:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
