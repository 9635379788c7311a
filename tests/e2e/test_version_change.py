"""Another version of Open WebUI on the same database, and nothing is lost.

Of another schema: never two at once, and how long the interruption is. Of the same one: a roll without a failure.
"""

from collections.abc import Iterator

import pytest

from devcluster.node.images import store
from devcluster.node.images.definitions import open_webui
from stackctl.deployed.stack import WEB, Stack
from stackctl.verify.client_pod import client_pod
from stackctl.verify.load import load
from tests.support.e2e.measurements import Measurements
from tests.support.e2e.node import Node, sql
from tests.support.e2e.upgrades import BEFORE, NOW, RATE, interruption, upgraded

pytestmark = pytest.mark.fault

BESIDE = "0.12.3"
"""A release that may run beside the present one."""


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
    watch, outcome = upgraded(node, older, NOW)
    assert watch.seen[0] == {BEFORE}
    assert all(len(versions) <= 1 for versions in watch.seen)
    assert outcome.failures, "no request failed, so the versions were not apart"
    replaced = interruption(outcome.failures)
    measurements.add(f"upgrade of Open WebUI {BEFORE} to {NOW}: interruption", f"{replaced:.1f} s")
    for handed_over in handovers:
        # On processes without pods it was 0.55.
        assert handed_over <= 0.75 * replaced


def test_a_release_of_the_same_schema_rolls_and_no_request_fails(node: Node, older: Stack) -> None:
    # It is of the present release after the test above.
    store.ensure([open_webui(BESIDE)])
    watch, outcome = upgraded(node, older, BESIDE)
    assert watch.seen[0] == {NOW}
    assert {NOW, BESIDE} in watch.seen
    assert outcome.failures == []
