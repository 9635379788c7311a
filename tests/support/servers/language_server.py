"""yaml-language-server, the server of YAML editors, as an editor uses it: LSP on standard input and output."""

import itertools
import json
import queue
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import IO, Any

from stack_config.files import ROOT
from tests.support.servers.node_packages import node_packages

ANSWER_SECONDS = 60

_MANIFEST = Path(__file__).parent / "yaml-language-server" / "package.json"
_PROGRAM = Path("node_modules", "yaml-language-server", "bin", "yaml-language-server")

# What Visual Studio Code has: placeholders in completions, and Markdown.
_CAPABILITIES = {
    "workspace": {"configuration": True},
    "textDocument": {
        "completion": {"completionItem": {"snippetSupport": True, "documentationFormat": ["markdown"]}},
        "hover": {"contentFormat": ["markdown"]},
        "publishDiagnostics": {},
    },
}

Message = dict[str, Any]


@dataclass(frozen=True)
class Document:
    """A file that is open in the editor, with a text that may not be saved."""

    uri: str
    text: str

    def position(self, before: str) -> dict[str, int]:
        """The end of the only occurrence of a text, as line and character."""
        assert self.text.count(before) == 1, before
        head = self.text[: self.text.index(before) + len(before)]
        return {"line": head.count("\n"), "character": len(head.rpartition("\n")[2])}


class Editor:
    """A client of the server, with the repository as its workspace."""

    def __init__(self, process: subprocess.Popen[bytes], settings: Mapping[str, Any]) -> None:
        """Connect.

        Args:
            process: the server.
            settings: those of the user, by section.
        """
        assert process.stdin
        assert process.stdout
        self._input = process.stdin
        self._settings = settings
        self._messages: queue.Queue[Message | None] = queue.Queue()
        self._numbers = itertools.count(1)
        self._diagnostics: list[Message] | None = None
        Thread(target=self._read, args=(process.stdout,), daemon=True).start()
        folder = {"uri": ROOT.as_uri(), "name": ROOT.name}
        self._ask(
            "initialize",
            {"processId": None, "rootUri": folder["uri"], "workspaceFolders": [folder], "capabilities": _CAPABILITIES},
        )
        self._send({"method": "initialized", "params": {}})
        # Documents that are opened before the settings have none of their schemas.
        while self._next().get("method") != "workspace/configuration":
            pass

    @contextmanager
    def opened(self, file: Path, text: str) -> Iterator[Document]:
        """A file with that text, while the block runs."""
        document = Document(file.as_uri(), text)
        # The server keeps what it parsed by the version.
        item = {"uri": document.uri, "languageId": "yaml", "version": next(self._numbers), "text": text}
        self._diagnostics = None
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": item}})
        yield document
        # Else they could come while the next text is open.
        self.diagnostics()
        self._send({"method": "textDocument/didClose", "params": {"textDocument": {"uri": document.uri}}})
        # An answer comes after the empty diagnostics of the closed file.
        self.hover(document, {"line": 0, "character": 0})

    def complete(self, document: Document, position: Mapping[str, int]) -> list[Message]:
        """What the server proposes at a position."""
        answer = self._ask_at("textDocument/completion", document, position)
        return list(answer["items"])

    def hover(self, document: Document, position: Mapping[str, int]) -> Message | None:
        """What the server shows under the pointer."""
        answer: Message | None = self._ask_at("textDocument/hover", document, position)
        return answer

    def diagnostics(self) -> list[Message]:
        """What the server marks in the open file, by position. It sends them by itself, once for each text."""
        while self._diagnostics is None:
            self._next()
        return sorted(self._diagnostics, key=lambda each: each["range"]["start"]["line"])

    def end(self) -> None:
        """Ask the server to stop."""
        self._ask("shutdown", None)
        self._send({"method": "exit"})

    def _ask_at(self, method: str, document: Document, position: Mapping[str, int]) -> Any:
        return self._ask(method, {"textDocument": {"uri": document.uri}, "position": position})

    def _ask(self, method: str, parameters: Any) -> Any:
        number = next(self._numbers)
        self._send({"id": number, "method": method, "params": parameters})
        while True:
            message = self._next()
            if "method" not in message and message["id"] == number:
                assert "error" not in message, message
                return message["result"]

    def _next(self) -> Message:
        """The next message. A question of the server is answered, and diagnostics are kept."""
        message = self._messages.get(timeout=ANSWER_SECONDS)
        assert message, "the server has ended"
        if message.get("method") == "textDocument/publishDiagnostics":
            self._diagnostics = message["params"]["diagnostics"]
        elif "method" in message and "id" in message:
            items = message["params"]["items"] if message["method"] == "workspace/configuration" else None
            result = items and [self._settings.get(item["section"]) for item in items]
            self._send({"id": message["id"], "result": result})
        return message

    def _send(self, message: Message) -> None:
        content = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._input.write(b"Content-Length: %d\r\n\r\n%s" % (len(content), content))
        self._input.flush()

    def _read(self, output: IO[bytes]) -> None:
        while header := output.readline():
            length = 0
            while header.strip():
                name, _, value = header.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
                header = output.readline()
            self._messages.put(json.loads(output.read(length)))
        self._messages.put(None)


@contextmanager
def editor(settings: Mapping[str, Any] | None = None) -> Iterator[Editor]:
    """An editor with the server.

    Args:
        settings: those of the user, as in the settings file of Visual Studio Code without the prefix `yaml.`.
    """
    program = node_packages(_MANIFEST) / _PROGRAM
    node = shutil.which("node")
    assert node, "npm is there, and node is missing"
    # The schemas of the store come from the internet.
    sections = {"yaml": {"schemaStore": {"enable": False}, **(settings or {})}}
    with subprocess.Popen([node, str(program), "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            client = Editor(process, sections)
            yield client
            client.end()
            process.wait(ANSWER_SECONDS)
        finally:
            process.kill()
