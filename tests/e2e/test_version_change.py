"""Another version of Open WebUI on the same database, and nothing is lost.

Of another schema: never two at once, and how long the interruption is. Of the same one: a roll without a failure.
"""

from collections.abc import Iterator

import pytest

from components.open_webui.settings import OpenWebUISettings
from devcluster.node.images import store
from devcluster.node.images.definitions import open_webui
from stackctl.deployed.stack import WEB, Stack
from stackctl.verify.client_pod import client_pod
from stackctl.verify.load import load
from stackctl.verify.web_api import WebApi
from tests.support.e2e.measurements import Measurements
from tests.support.e2e.node import Node, sql
from tests.support.e2e.session_tokens import Token
from tests.support.e2e.upgrades import interruption, watched

pytestmark = pytest.mark.fault

BEFORE = "0.12.0"
"""The last release of another schema."""

BESIDE = "0.12.3"
"""A release that may run beside the present one."""

NOW = OpenWebUISettings().version
RATE = 4.0


@pytest.fixture(scope="module")
def older(node: Node) -> Iterator[Stack]:
    """The stack with the release of another schema, on a node of its own with an empty database."""
    store.ensure([open_webui(BEFORE)])
    with node.own():
        node.sets["openWebui.version"] = BEFORE
        node.up()
        yield node.stack()


def test_an_upgrade_that_cannot_finish_leaves_the_old_version_serving(node: Node, older: Stack) -> None:
    [revision] = sql(older, "SELECT version_num FROM alembic_version").split()
    pods = {pod["metadata"]["uid"] for pod in older.ready(WEB)}
    node.sets["openWebui.version"] = NOW
    with client_pod(older) as client:
        # As a release does that neither of the two knows.
        sql(older, "UPDATE alembic_version SET version_num = 'e2e_of_a_later_release'")
        try:
            with load(older, client, rate=RATE) as outcome:
                printed = node.refused_up()
        finally:
            sql(older, f"UPDATE alembic_version SET version_num = '{revision}'")
            node.sets["openWebui.version"] = BEFORE
    assert "e2e_of_a_later_release" in printed
    assert outcome.requests > RATE
    assert outcome.failures == []
    assert {pod["metadata"]["uid"] for pod in older.ready(WEB)} == pods


def test_an_upgrade_keeps_what_is_there_and_the_versions_apart(
    node: Node, older: Stack, measurements: Measurements, handovers: list[float]
) -> None:
    with client_pod(older) as client:
        web = WebApi(stack=older, client=client, url=f"http://{WEB}")
        token = Token(web.sign_in(older.administrator()).body["token"])
        chat = web.request("POST", "/api/v1/chats/new", token, {"chat": {"title": "kept"}}).body["id"]

        node.sets["openWebui.version"] = NOW
        with watched(older) as watch, load(older, client, rate=RATE) as outcome:
            node.up()
            watch.until(NOW)

        assert watch.seen[0] == {BEFORE}
        assert all(len(versions) <= 1 for versions in watch.seen)
        assert web.session(token).status == 200
        assert web.request("GET", f"/api/v1/chats/{chat}", token).body["chat"]["title"] == "kept"
    assert outcome.failures, "no request failed, so the versions were not apart"
    replaced = interruption(outcome.failures)
    measurements.add(f"upgrade of Open WebUI {BEFORE} to {NOW}: interruption", f"{replaced:.1f} s")
    for handed_over in handovers:
        # On processes without pods it was 0.55.
        assert handed_over <= 0.75 * replaced


def test_a_release_of_the_same_schema_rolls_and_no_request_fails(node: Node, older: Stack) -> None:
    # It is of the present release after the test above.
    store.ensure([open_webui(BESIDE)])
    with client_pod(older) as client:
        web = WebApi(stack=older, client=client, url=f"http://{WEB}")
        token = Token(web.sign_in(older.administrator()).body["token"])
        node.sets["openWebui.version"] = BESIDE
        with watched(older) as watch, load(older, client, rate=RATE) as outcome:
            node.up()
            watch.until(BESIDE)

        assert watch.seen[0] == {NOW}
        assert {NOW, BESIDE} in watch.seen
        assert outcome.failures == []
        assert web.session(token).status == 200
