"""Questions to a replica of Open WebUI whose answers take some seconds."""

import uuid
from typing import Any

from tests.support.e2e.model_server import MODEL
from tests.support.servers.replica import Replica

ANSWER_SECONDS = 6


def ask(replica: Replica, token: str, number: int) -> tuple[str, str]:
    """As the page does, with a websocket that may be anywhere. The ids of the chat and of the message to come."""
    question, message = f"Speak for {ANSWER_SECONDS} s, number {number}.", str(uuid.uuid4())
    user = {"id": str(uuid.uuid4()), "parentId": None, "role": "user", "content": question, "models": [MODEL]}
    body = {
        "stream": True,
        "model": MODEL,
        "messages": [{"role": "user", "content": question}],
        "session_id": "of-a-websocket",
        "id": message,
        "parent_id": None,
        "user_message": user,
        "background_tasks": {"title_generation": True},
    }
    answer = replica.request("POST", "/api/chat/completions", body, token=token)
    assert answer.status == 200, answer.text
    return answer.body["chat_id"], message


def stored(replica: Replica, token: str, chat: str, message: str) -> dict[str, Any]:
    """The message as the database has it."""
    body = replica.request("GET", f"/api/v1/chats/{chat}", token=token).body
    stored_message: dict[str, Any] = body["chat"]["history"]["messages"][message]
    return stored_message
