"""Open WebUI itself: a replica that has to leave finishes the answer of a browser, which no open request waits for."""

import signal
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.e2e.model_server import MODEL, answer_to
from tests.support.servers.open_webui import Replica, Web

ANSWER_SECONDS = 6


@pytest.fixture
def leaving(web: Web) -> Iterator[Replica]:
    """One replica more, which may be stopped."""
    with web.deployment.replicas(1) as [replica]:
        yield replica


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


def test_a_replica_finishes_its_answers_before_it_ends(web: Web, leaving: Replica) -> None:
    token = web.admin_token()
    assert leaving.request("GET", "/api/models", token=token).status == 200
    asked = [ask(leaving, token, number) for number in range(3)]
    time.sleep(1)
    leaving.process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    leaving.process.wait(60)
    assert time.monotonic() - began > ANSWER_SECONDS / 2, "it has not waited for anything"
    for number, (chat, message) in enumerate(asked):
        answer = stored(web.replicas[0], token, chat, message)
        assert answer["content"].strip() == answer_to(f"Speak for {ANSWER_SECONDS} s, number {number}.")
        assert answer["done"] is True
