"""Uploads of documents and questions about them, as a browser sends them to a replica."""

import json
import urllib.request
import uuid
from dataclasses import dataclass
from typing import Any

from tests.support.document_model import CHAT_MODEL
from tests.support.documents import Document
from tests.support.servers.replica import Answer, Replica


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer of a chat model, with the sources that Open WebUI cites."""

    text: str
    sources: list[Any]


def upload(replica: Replica, document: Document, token: str) -> Answer:
    """Upload a document and wait until it is processed. The body of the answer has its ``id``."""
    boundary = uuid.uuid4().hex
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{document.name}"\r\n'
        f"Content-Type: {document.content_type}\r\n\r\n"
    )
    content = head.encode() + document.content + f"\r\n--{boundary}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Authorization": f"Bearer {token}"}
    url = f"{replica.url}/api/v1/files/?process=true&process_in_background=false"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(url, content, headers, method="POST"), timeout=120) as response:
        return Answer(response.status, response.headers, response.read().decode())


def status(replica: Replica, identifier: str, token: str) -> str:
    """How far a document is: ``pending``, ``completed``, ``failed`` and the reason."""
    data = replica.request("GET", f"/api/v1/files/{identifier}", token=token).body["data"]
    return f"{data['status']} {data.get('error') or ''}".strip()


def ask(replica: Replica, question: str, identifier: str, token: str) -> Reply:
    """Ask the chat model about a document."""
    body = {
        "model": CHAT_MODEL,
        "stream": True,
        "messages": [{"role": "user", "content": question}],
        "files": [{"type": "file", "id": identifier}],
    }
    answer = replica.request("POST", "/api/chat/completions", body, token=token)
    assert answer.status == 200, answer.text
    text, sources = "", []
    for line in answer.text.splitlines():
        if not line.startswith("data: {"):
            continue
        event = json.loads(line.removeprefix("data: "))
        sources += event.get("sources", [])
        text += "".join(choice["delta"].get("content") or "" for choice in event.get("choices", []))
    return Reply(text=text, sources=sources)
