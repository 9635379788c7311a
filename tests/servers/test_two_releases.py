"""Two real releases of Open WebUI on one database and one Redis: those that may run side by side, and others."""

import json
import queue
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import socketio  # type: ignore[import-untyped]

from components.open_webui.releases import release_table
from tests.support.e2e.model_server import answer_to
from tests.support.servers.answers import ask, stored
from tests.support.servers.open_webui import OpenWebUI, Web, web_replicas
from tests.support.servers.open_webui_image import VERSION
from tests.support.servers.other_release import other_release
from tests.support.servers.replica import Replica
from tests.support.servers.slow_tier import slow

BESIDE = "0.12.3"
"""A release of the same schema."""

OLDER = "0.12.0"
"""The last release of another schema."""


@pytest.fixture(scope="module")
def present() -> Iterator[Web]:
    """The present release, with servers of its own: what is recorded in their database changes."""
    with web_replicas(1) as started:
        yield started


@pytest.fixture(scope="module")
def beside(present: Web) -> Iterator[OpenWebUI]:
    """The Deployment with the release of the same schema, whose `migrate` has run while the present one serves."""
    assert release_table().change(BESIDE, VERSION).rolls
    before = revision(present)
    with other_release(present.deployment, BESIDE) as deployment:
        # What a release completes at its start may differ without a migration.
        assert f"Ready for Open WebUI {BESIDE}" in deployment.migrated()
        assert revision(present) == before
        yield deployment


@pytest.fixture(scope="module")
def both(present: Web, beside: OpenWebUI) -> Iterator[tuple[Replica, Replica]]:
    """A replica of each release, the present one first."""
    with beside.replicas(1) as [other]:
        yield present.replicas[0], other


@pytest.fixture(params=[False, True], ids=["to-the-other", "to-the-present"])
def pair(both: tuple[Replica, Replica], request: pytest.FixtureRequest) -> tuple[Replica, Replica]:
    """Both in either order."""
    new, old = both
    return (old, new) if request.param else (new, old)


def revision(present: Web) -> list[Any]:
    """The revision of the schema, and every column."""
    with present.servers.database.connect() as connection:
        columns = (
            b"SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'"
        )
        versions = connection.execute(b"SELECT version_num FROM alembic_version").fetchall()
        return [versions, sorted(connection.execute(columns).fetchall())]


def test_each_replica_is_of_its_release(both: tuple[Replica, Replica]) -> None:
    assert [each.request("GET", "/api/version").body["version"] for each in both] == [VERSION, BESIDE]


def test_a_sign_in_and_a_sign_out_count_at_the_other_release(present: Web, pair: tuple[Replica, Replica]) -> None:
    first, second = pair
    token = str(first.sign_in("admin@example.com", present.deployment.admin_password).body["token"])
    assert second.request("GET", "/api/v1/auths/", token=token).status == 200
    assert first.request("POST", "/api/v1/auths/signout", token=token).status == 200
    assert second.request("GET", "/api/v1/auths/", token=token).status == 401


def test_an_answer_is_streamed_to_and_read_at_the_other_release(present: Web, pair: tuple[Replica, Replica]) -> None:
    first, second = pair
    token = present.admin_token()
    question = "Speak for 6 s, number 1."
    with events_at(second, token) as events:
        chat, message = ask(first, token, 1)
        # The browser is at the other release: what it sees while the answer is written has crossed.
        assert wait_for(events, message, 30)
        assert second.request("GET", f"/api/tasks/chat/{chat}", token=token).body["task_ids"]
    deadline = time.monotonic() + 30
    while not (answer := stored(second, token, chat, message)).get("done") and time.monotonic() < deadline:
        time.sleep(0.5)
    assert answer["done"] is True
    assert answer["content"].strip() == answer_to(question)


def test_an_answer_is_stopped_from_the_other_release(present: Web, pair: tuple[Replica, Replica]) -> None:
    first, second = pair
    token = present.admin_token()
    chat, message = ask(first, token, 2)
    tasks = second.request("GET", f"/api/tasks/chat/{chat}", token=token).body["task_ids"]
    assert tasks
    for task in tasks:
        assert second.request("POST", f"/api/tasks/stop/{task}", token=token).status == 200
    deadline = time.monotonic() + 5
    while first.request("GET", f"/api/tasks/chat/{chat}", token=token).body["task_ids"]:
        assert time.monotonic() < deadline, "the task is still there"
        time.sleep(0.2)
    content = stored(first, token, chat, message).get("content", "")
    assert content.strip() != answer_to("Speak for 6 s, number 2.")


@slow
def test_starts_of_both_releases_in_turn_change_no_schema(present: Web, beside: OpenWebUI) -> None:
    before = revision(present)
    for deployment in (present.deployment, beside, present.deployment):
        checked = deployment.preflight()
        assert checked.returncode == 0, checked.stdout
        deployment.migrated()
    assert present.deployment.migrated().startswith("migrate: Nothing to do")
    assert revision(present) == before


@slow
def test_a_release_of_another_schema_does_not_get_at_the_database(present: Web) -> None:
    assert not release_table().change(OLDER, VERSION).rolls
    before = revision(present)
    with other_release(present.deployment, OLDER) as deployment:
        for script in (deployment.preflight, deployment.migrate):
            refused = script()
            assert refused.returncode == 1, refused.stdout
            assert f"which Open WebUI {OLDER} does not know" in refused.stdout
    assert revision(present) == before
    assert present.replicas[0].request("GET", "/health/db").status == 200


@contextmanager
def events_at(replica: Replica, token: str) -> Iterator["queue.Queue[str]"]:
    """The events that a browser of the user gets over a websocket to the replica."""
    events: queue.Queue[str] = queue.Queue()
    client = socketio.Client(reconnection=False)
    client.on("events", lambda data: events.put(json.dumps(data)))
    client.connect(replica.url, socketio_path="/ws/socket.io", transports=["websocket"], auth={"token": token})
    try:
        client.call("user-join", {"auth": {"token": token}}, timeout=10)
        yield events
    finally:
        client.disconnect()


def wait_for(events: "queue.Queue[str]", mark: str, seconds: float) -> bool:
    """Whether an event with the mark comes in time."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        try:
            if mark in events.get(timeout=left):
                return True
        except queue.Empty:
            return False
    return False
