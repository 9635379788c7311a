"""The source document's own design under the same load and faults, for comparison.

Nothing is asserted about how it fares: that is what is measured.
"""

import json
import secrets
import time
from collections.abc import Iterator
from functools import partial

import pytest

from stackctl.deployed.stack import WEB, Stack, restarts
from stackctl.verify.client_pod import client_pod
from stackctl.verify.load import load
from stackctl.verify.web_api import WebApi
from tests.support.e2e import faults, throughput
from tests.support.e2e.designs import FIRST, REPLICAS, signed_in, source_design
from tests.support.e2e.faults import FAULTS, SETTLING_SECONDS
from tests.support.e2e.leaving_pods import OPERATIONS, read_during, row
from tests.support.e2e.load_summary import RATE, SOCKETS, summary
from tests.support.e2e.measurements import FIRST_START, RESTARTS, Measurements
from tests.support.e2e.model_access import model
from tests.support.e2e.node import Node
from tests.support.e2e.start_times import first_start

pytestmark = pytest.mark.fault

# Its Redis evicts and is never full, and its database is on no volume of its own.
WITHOUT_MEANING = ("is full",)


@pytest.fixture(scope="module")
def plain(node: Node, stack: Stack, measurements: Measurements, first_starts: dict[str, float]) -> Stack:
    """The plain design on an empty database, with three replicas and the node for itself."""
    stack.kubectl.run("scale", "deployment", WEB, "--replicas=0")
    design = source_design(node)
    design.deploy()
    own = design.stack
    faults.wait_until_ready(own, REPLICAS)
    first_starts["plain"] = first_start(own)
    measurements.add_source_design(FIRST_START, f"{first_starts['plain']:.0f} s")
    measurements.add_source_design(RESTARTS, str(sum(map(restarts, own.pods(WEB)))))
    return own


@pytest.mark.usefixtures("plain")
def test_the_first_start_is_no_slower(first_starts: dict[str, float]) -> None:
    # Kubernetes counts in seconds.
    assert first_starts["stack"] <= first_starts["plain"] + 1


@pytest.fixture(scope="module")
def plain_client(plain: Stack) -> Iterator[str]:
    """A pod that may connect to its web pods."""
    with client_pod(plain) as name:
        yield name


def change_setting(stack: Stack) -> None:
    """As the document says: `kubectl set env`."""
    stack.kubectl.run("set", "env", f"deployment/{WEB}", "WEBUI_NAME=Ours")


def change_signing_key(stack: Stack) -> None:
    """The Secret is changed, and the pods are started again to read it."""
    patch = json.dumps({"stringData": {"secret-key": secrets.token_urlsafe(24)}})
    stack.kubectl.run("patch", "secret", "openwebui-secret", "--patch-file=/dev/stdin", stdin=patch)
    stack.kubectl.run("rollout", "restart", f"deployment/{WEB}")


@pytest.mark.parametrize(
    ("what", "change"),
    [("a setting of the web pods", change_setting), ("the signing key", change_signing_key)],
    ids=["setting", "signing-key"],
)
def test_changes(plain: Stack, plain_client: str, measurements: Measurements, what: str, change: faults.Fault) -> None:
    token = signed_in(plain, plain_client)
    with load(plain, plain_client, rate=RATE, sockets=SOCKETS, token=token) as outcome:
        change(plain)
        plain.kubectl.run("rollout", "status", f"deployment/{WEB}", "--timeout=240s", seconds=250)
        faults.wait_until_ready(plain, REPLICAS)
        time.sleep(SETTLING_SECONDS)
    assert outcome.requests > RATE
    measurements.add_source_design(f"change of {what}", summary(outcome))


@pytest.fixture(scope="module")
def speaking(plain: Stack, plain_client: str) -> Iterator[Stack]:
    """The plain design with a model to talk to."""
    signed_in(plain, plain_client)
    with model(plain, plain_client, FIRST):
        yield plain


@pytest.mark.parametrize("operation", OPERATIONS)
def test_answers(speaking: Stack, plain_client: str, measurements: Measurements, operation: str) -> None:
    token = signed_in(speaking, plain_client)
    seen = read_during(OPERATIONS[operation], speaking, plain_client, token)
    assert seen.begun
    measurements.add_source_design(row(operation), seen.summary())


@pytest.mark.parametrize("replicas", throughput.REPLICAS)
def test_throughput(
    speaking: Stack,
    plain_client: str,
    measurements: Measurements,
    throughputs: dict[int, throughput.Throughput],
    replicas: int,
) -> None:
    faults.scale(speaking, replicas)
    seen = throughput.throughput(speaking, plain_client, signed_in(speaking, plain_client))
    measurements.add_source_design(throughput.row(replicas), seen.summary())
    if own := throughputs.get(replicas):
        assert own.rate >= 1.2 * seen.rate
        assert own.p95 <= 0.8 * seen.p95


def test_websockets_of_one_replica(speaking: Stack, plain_client: str, measurements: Measurements) -> None:
    faults.scale(speaking, 1)
    token = signed_in(speaking, plain_client)
    chat = WebApi(stack=speaking, client=plain_client, url=f"http://{WEB}").request(
        "POST", "/api/v1/chats/new", token, {"chat": {"title": "events"}}
    )
    measurements.add_source_design(
        throughput.SOCKETS_ROW, throughput.sockets(speaking, plain_client, token, chat.body["id"])
    )
    faults.scale(speaking, REPLICAS)


@pytest.mark.parametrize(
    ("what", "fault"),
    [(what, fault) for what, fault, _ in FAULTS if not any(words in what for words in WITHOUT_MEANING)],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_faults(plain: Stack, plain_client: str, measurements: Measurements, what: str, fault: faults.Fault) -> None:
    token = signed_in(plain, plain_client)
    restored = partial(faults.wait_until_ready, plain, REPLICAS)
    seen, began = faults.observed_fault(plain, plain_client, token, fault, restored)
    assert seen.requests
    measurements.add_source_design(what, seen.summary(began))
