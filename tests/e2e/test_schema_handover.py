"""An upgrade to another schema with handovers: the old replicas serve until the first new one is ready to migrate."""

import pytest

from devcluster.node.images import store
from devcluster.node.images.definitions import open_webui
from tests.support.e2e.measurements import Measurements
from tests.support.e2e.node import Node
from tests.support.e2e.upgrades import BEFORE, NOW, interruption, upgraded

pytestmark = pytest.mark.fault


def test_an_upgrade_with_a_handover_interrupts_only_the_migration(
    node: Node, measurements: Measurements, handovers: list[float]
) -> None:
    store.ensure([open_webui(BEFORE)])
    with node.own():
        node.sets.update({"openWebui.version": BEFORE, "openWebui.schemaUpgrade": "handover"})
        node.up()
        watch, outcome = upgraded(node, node.stack(), NOW)
    assert watch.seen[0] == {BEFORE}
    # The new pod has started, and imported the release, beside the old ones.
    assert {BEFORE, NOW} in watch.seen
    handovers.append(interruption(outcome.failures))
    row = f"upgrade of Open WebUI {BEFORE} to {NOW} with a handover: interruption"
    measurements.add(row, f"{handovers[-1]:.1f} s")
    assert outcome.failures, "no request failed while the schema was migrated"
