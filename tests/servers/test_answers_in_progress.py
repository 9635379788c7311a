"""Open WebUI itself: a replica that has to leave finishes the answer of a browser, which no open request waits for."""

import signal
import time
from collections.abc import Iterator

import pytest

from tests.support.e2e.model_server import answer_to
from tests.support.servers.answers import ANSWER_SECONDS, ask, stored
from tests.support.servers.open_webui import Web
from tests.support.servers.replica import Replica


@pytest.fixture
def leaving(web: Web) -> Iterator[Replica]:
    """One replica more, which may be stopped."""
    with web.deployment.replicas(1) as [replica]:
        yield replica


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
