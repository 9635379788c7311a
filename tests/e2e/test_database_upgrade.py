"""PostgreSQL 16 becomes 18 on the node by one command, with everything that it holds, and goes back by another."""

import time
from collections.abc import Iterator

import pytest

from devcluster.node.images import store
from devcluster.node.images.definitions import postgresql_releases
from stackctl.deployed.stack import Stack
from tests.support.e2e import stored_rows
from tests.support.e2e.measurements import Measurements
from tests.support.e2e.node import Node, sql

pytestmark = pytest.mark.fault

OLD, NEW = (image.names[0] for image in postgresql_releases())


@pytest.fixture(scope="module")
def older(node: Node) -> Iterator[Stack]:
    """The stack with PostgreSQL 16 and one web pod, on a node of its own with an empty database."""
    store.ensure(postgresql_releases())
    with node.own():
        node.sets.update({"postgresql.image": OLD, "openWebui.replicas": "1"})
        node.up()
        yield node.stack()


def major(stack: Stack) -> str:
    """Major version of the server that runs."""
    return sql(stack, "SELECT current_setting('server_version_num')::int / 10000")


def test_an_upgrade_keeps_everything_and_has_a_way_back(node: Node, older: Stack, measurements: Measurements) -> None:
    command = ("upgrade-database", "--env", "dev", "--image")
    mebibytes = stored_rows.fill(older)
    contents = stored_rows.checksum(older)
    users = sql(older, "SELECT count(*) FROM public.user")
    assert major(older) == "16"
    described = node.refused(*command, NEW)
    assert "from PostgreSQL 16" in described
    assert "Nothing was changed. To do it: add --yes" in described
    assert major(older) == "16"

    started = time.monotonic()
    output = node.stackctl(*command, NEW, "--yes")
    seconds = time.monotonic() - started

    assert f"PostgreSQL 18 serves, with {NEW}. Kept on the volume: pgdata-16" in output
    assert (major(older), stored_rows.checksum(older), stored_rows.nearest(older)) == ("18", contents, "42")
    assert sql(older, "SELECT count(*) FROM public.user") == users
    measurements.add(
        f"upgrade of PostgreSQL 16 to 18, {mebibytes} MiB, until the web pods are ready",
        f"{seconds:.0f} s, {seconds * 1024 / mebibytes:.0f} s for 1 GiB",
    )
    sql(older, "DELETE FROM e2e_chats WHERE id > 10")

    started = time.monotonic()
    assert "PostgreSQL 16 serves" in node.stackctl(*command, OLD, "--undo", "--yes")
    measurements.add("going back to PostgreSQL 16", f"{time.monotonic() - started:.0f} s")
    assert (major(older), stored_rows.checksum(older)) == ("16", contents)
