"""An upgrade to another schema with handovers: the old replicas serve until the first new one is ready to migrate."""

import pytest

from components.open_webui.settings import OpenWebUISettings
from devcluster.node.images import store
from devcluster.node.images.definitions import open_webui
from stackctl.deployed.stack import WEB
from stackctl.verify.client_pod import client_pod
from stackctl.verify.load import load
from stackctl.verify.web_api import WebApi
from tests.support.e2e.measurements import Measurements
from tests.support.e2e.node import Node
from tests.support.e2e.session_tokens import Token
from tests.support.e2e.upgrades import interruption, watched

pytestmark = pytest.mark.fault

BEFORE = "0.12.0"
"""The last release of another schema."""

NOW = OpenWebUISettings().version
RATE = 4.0


def test_an_upgrade_with_a_handover_interrupts_only_the_migration(
    node: Node, measurements: Measurements, handovers: list[float]
) -> None:
    store.ensure([open_webui(BEFORE)])
    with node.own():
        node.sets.update({"openWebui.version": BEFORE, "openWebui.schemaUpgrade": "handover"})
        node.up()
        older = node.stack()
        with client_pod(older) as client:
            web = WebApi(stack=older, client=client, url=f"http://{WEB}")
            token = Token(web.sign_in(older.administrator()).body["token"])
            chat = web.request("POST", "/api/v1/chats/new", token, {"chat": {"title": "kept"}}).body["id"]

            node.sets["openWebui.version"] = NOW
            with watched(older) as watch, load(older, client, rate=RATE) as outcome:
                node.up()
                watch.until(NOW)

            assert watch.seen[0] == {BEFORE}
            # The new pod has started, and imported the release, beside the old ones.
            assert {BEFORE, NOW} in watch.seen
            assert web.session(token).status == 200
            assert web.request("GET", f"/api/v1/chats/{chat}", token).body["chat"]["title"] == "kept"
    handovers.append(interruption(outcome.failures))
    row = f"upgrade of Open WebUI {BEFORE} to {NOW} with a handover: interruption"
    measurements.add(row, f"{handovers[-1]:.1f} s")
    assert outcome.failures, "no request failed while the schema was migrated"
