"""A single Open WebUI as the full image runs it by default: SQLite, uploads in a directory, documents in Chroma."""

import json
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stack_config.files import ROOT
from tests.support.servers.addresses import free_port
from tests.support.servers.fake_open_webui import SCRIPTS
from tests.support.servers.open_webui import START_SECONDS
from tests.support.servers.open_webui_image import PACKAGES
from tests.support.servers.replica import Replica
from tests.support.servers.server_process import check_alive, not_there, running, wait_until

CHROMA = ROOT / ".venv-chroma"
"""Virtual environment of what the full image has besides (``make .venv-chroma/ready``)."""

ADMIN, USER = ("ada@example.com", "Password-of-ada-1"), ("bob@example.com", "Password-of-bob-1")
QUESTION = "Which color does the lamp of the lighthouse have?"
DOCUMENT = "The lamp of the lighthouse at Skagen has the color turquoise."
FILE = "lighthouse.txt"
TEXT = 'Grüße 😀, a "quotation", a \\ and\na second line'
BANNER = "Moved on Sunday"

# Packages of the slim image come first. How it starts is not what is tested.
_SERVE = """
import sys
sys.path += sys.argv[1:3]
from startup.faster_import import prepare_import
prepare_import()
import uvicorn
uvicorn.run("open_webui.main:app", host="127.0.0.1", port=int(sys.argv[3]), log_level="warning")
"""


@contextmanager
def single_open_webui(image: Path, data: Path, **variables: str) -> Iterator[Replica]:
    """A process of the full image, ready, while the block runs.

    Args:
        image: the files of the image (`open_webui_image.lay_out_image`).
        data: its data directory.
        variables: of the environment, beside those without which it does not run.
    """
    packages = list(CHROMA.glob("lib/python3*/site-packages")) if (CHROMA / "ready").exists() else []
    if not packages:
        not_there("Chroma is missing; install it with: make .venv-chroma/ready (Python 3.11 or 3.12)")
    port, log, static = free_port(), data.with_name(f"{data.name}.log"), data.with_name(f"{data.name}-static")
    static.mkdir(exist_ok=True)
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(static),
        "DATA_DIR": str(data),
        "STATIC_DIR": str(static),
        "VECTOR_DB": "chroma",
        "OFFLINE_MODE": "true",
        "WEBUI_SECRET_KEY": "key-of-the-source",
        "ENABLE_OLLAMA_API": "false",
        "ENABLE_API_KEYS": "true",
        "ANONYMIZED_TELEMETRY": "false",
        "RAG_EMBEDDING_ENGINE": "openai",
        "RAG_EMBEDDING_MODEL": "embedding-of-the-source",
        **variables,
    }
    with running(
        [str(PACKAGES / "bin" / "python"), "-c", _SERVE, str(packages[0]), str(SCRIPTS), str(port)],
        directory=image / "app" / "backend",
        log=log,
        stop_signal=signal.SIGTERM,
        environment=environment,
        as_container_user=False,
    ) as process:
        replica = Replica(port, process, log, data)

        def is_ready() -> bool:
            check_alive(process, log)
            try:
                return replica.request("GET", "/health").status == 200
            except urllib.error.URLError:
                return False

        wait_until(is_ready, "the single Open WebUI is ready", START_SECONDS)
        yield replica


@dataclass(frozen=True, kw_only=True)
class Furnishing:
    """The objects that users made in the source."""

    chat: dict[str, Any]
    """Bob's chat, as the API returns it."""

    folder: str
    """ID of the folder that the chat is in."""

    file: str
    """ID of Ada's file."""

    knowledge: str
    """ID of the knowledge base that the file is in."""

    api_key: str
    """Ada's."""


def furnish(replica: Replica) -> Furnishing:
    """Make users, a chat in a folder, a file in a knowledge base, a memory, an API key and a setting, by the API."""

    def post(path: str, body: Any, token: str = "") -> Any:
        answer = replica.request("POST", path, body, token=token)
        assert answer.status == 200, (path, answer.status, answer.text)
        return answer.body

    ada = post("/api/v1/auths/signup", {"name": "Ada", "email": ADMIN[0], "password": ADMIN[1]})["token"]
    post("/api/v1/auths/add", {"name": "Bob", "email": USER[0], "password": USER[1], "role": "user"}, ada)
    bob = str(replica.sign_in(*USER).body["token"])
    folder = post("/api/v1/folders/", {"name": "Voyages"}, bob)["id"]
    messages = {
        "m1": {"id": "m1", "parentId": None, "childrenIds": ["m2"], "role": "user", "content": TEXT},
        "m2": {"id": "m2", "parentId": "m1", "childrenIds": [], "role": "assistant", "content": "Hello", "done": True},
    }
    chat = {"title": "First", "models": ["test-model"], "history": {"messages": messages, "currentId": "m2"}}
    chat_id = post("/api/v1/chats/new", {"chat": chat, "folder_id": folder}, bob)["id"]
    knowledge = post("/api/v1/knowledge/create", {"name": "Lights", "description": "Of the coast"}, ada)["id"]
    file = upload(replica, FILE, DOCUMENT.encode(), ada)
    post(f"/api/v1/knowledge/{knowledge}/file/add", {"file_id": file}, ada)
    post("/api/v1/memories/add", {"content": "Bob likes tea"}, bob)
    banner = {"id": "b1", "type": "info", "content": BANNER, "dismissible": True, "timestamp": 1}
    post("/api/v1/configs/banners", {"banners": [banner]}, ada)
    key = post("/api/v1/auths/api_key", None, ada)["api_key"]
    return Furnishing(
        chat=replica.request("GET", f"/api/v1/chats/{chat_id}", token=bob).body,
        folder=folder,
        file=file,
        knowledge=knowledge,
        api_key=key,
    )


def upload(replica: Replica, name: str, contents: bytes, token: str) -> str:
    """Upload a file, and wait until it is processed; returns its ID."""
    boundary = "boundary-of-the-upload"
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
    body = f"{head}Content-Type: text/plain\r\n\r\n".encode() + contents + f"\r\n--{boundary}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Authorization": f"Bearer {token}"}
    url = f"{replica.url}/api/v1/files/?process=true&process_in_background=false"
    request = urllib.request.Request(url, body, headers, method="POST")
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as response:
        return str(json.loads(response.read())["id"])
