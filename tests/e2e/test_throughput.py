"""What the web pods answer to browsers that use them without a pause, with one, two and four replicas."""

from collections.abc import Iterator

import pytest

from stackctl.deployed.stack import WEB, Stack
from stackctl.verify.web_api import WebApi
from tests.support.e2e import faults
from tests.support.e2e.measurements import Measurements
from tests.support.e2e.model_access import model
from tests.support.e2e.throughput import REPLICAS, SOCKETS_ROW, Throughput, row, sockets, throughput

pytestmark = pytest.mark.fault


@pytest.fixture(scope="module")
def speaking(stack: Stack, client: str) -> Iterator[Stack]:
    """The stack with a model to talk to; afterwards it has its replicas again."""
    before = stack.deployment()["spec"]["replicas"]
    with model(stack, client, stack.administrator()):
        yield stack
    faults.scale(stack, before)


@pytest.mark.parametrize("replicas", REPLICAS)
def test_browsers_without_a_pause(
    speaking: Stack,
    client: str,
    token: str,
    measurements: Measurements,
    throughputs: dict[int, Throughput],
    replicas: int,
) -> None:
    faults.scale(speaking, replicas)
    seen = throughput(speaking, client, token)
    throughputs[replicas] = seen
    measurements.add(row(replicas), seen.summary())
    assert seen.failures == []


def test_websockets_of_one_replica(speaking: Stack, client: str, token: str, measurements: Measurements) -> None:
    faults.scale(speaking, 1)
    web = WebApi(stack=speaking, client=client, url=f"http://{WEB}")
    chat = web.request("POST", "/api/v1/chats/new", token, {"chat": {"title": "events"}})
    measurements.add(SOCKETS_ROW, sockets(speaking, client, token, chat.body["id"]))
