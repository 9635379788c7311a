"""One real node for all of these tests, with the stack on it as `make up` deploys it."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from devcluster.node import requirements
from host.directories import CACHE_VARIABLE, cache_directory
from stack_config.files import ROOT
from stackctl.deployed.stack import Stack
from stackctl.verify.client_pod import CONTAINER, client_pod
from tests.support.e2e.measurements import FIRST_START, MEASUREMENTS_VARIABLE, Measurements
from tests.support.e2e.node import Node, cache_with_what_is_built
from tests.support.e2e.observation import SCRIPTS
from tests.support.e2e.session_tokens import Token
from tests.support.e2e.start_times import first_start
from tests.support.e2e.throughput import Throughput

ALL_VARIABLE = "E2E_ALL"


# Each of the first nine has a node of its own; all others share one, whose first start comes first. The module of
# Traefik leaves the stack with another URL.
ORDER = (
    "schema_handover",
    "version_change",
    "adoption",
    "cloudnative_pg",
    "dashboards",
    "recovery",
    "database_upgrade",
    "external_database",
    "designs",
    "first_start",
    "source_document",
    "changes",
    "answers",
    "backup",
    "diagnosis",
    "import",
    "network_policies",
    "policy_settings",
    "documents",
    "browser",
    "faults",
    "memory",
    "durability",
    "topologies",
    "throughput",
    "traefik",
    "source_design",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the modules. The faults take long: they run when they are asked for, and say so when they are not."""
    items.sort(key=lambda item: ORDER.index(item.path.stem.removeprefix("test_")))
    if os.environ.get(ALL_VARIABLE):
        return
    for item in items:
        if item.get_closest_marker("fault"):
            item.add_marker(pytest.mark.skip(reason="a fault: make e2e ALL=1"))


@pytest.fixture(scope="session")
def measurements() -> Iterator[Measurements]:
    """Measurements of this run, written to a document if one is named."""
    measurements = Measurements()
    yield measurements
    if file := os.environ.get(MEASUREMENTS_VARIABLE):
        measurements.write(ROOT / file)
    print(f"\n{measurements.table()}")


@pytest.fixture(scope="session")
def throughputs() -> dict[int, Throughput]:
    """Throughput of the stack in this run, by the number of replicas."""
    return {}


@pytest.fixture(scope="session")
def handovers() -> list[float]:
    """Seconds of the interruption of each upgrade with a handover of the schema in this run."""
    return []


@pytest.fixture(scope="session")
def first_starts() -> dict[str, float]:
    """Seconds of the first start in this run, by the design."""
    return {}


@pytest.fixture(scope="session")
def node() -> Iterator[Node]:
    """A node for this test run alone, gone at its end."""
    if reason := requirements.obstacle():
        pytest.skip(reason)
    requirements.check()
    # Beside the built programs and images, and on their file system.
    cache = cache_with_what_is_built(cache_directory() / "e2e")
    environment = {**os.environ, CACHE_VARIABLE: str(cache)}
    _local(environment, "down")
    try:
        yield Node(environment=environment)
    finally:
        _local(environment, "down")


@pytest.fixture(scope="session")
def stack(node: Node, measurements: Measurements, first_starts: dict[str, float]) -> Stack:
    """The stack with three replicas, deployed onto an empty node."""
    node.up()
    stack = node.stack()
    first_starts["stack"] = first_start(stack)
    measurements.add(FIRST_START, f"{first_starts['stack']:.0f} s")
    return stack


# Not for the whole session: the pod ends by itself after half an hour, and all faults take about as long.
@pytest.fixture(scope="module")
def client(stack: Stack) -> Iterator[str]:
    """A pod that may connect to the web pods."""
    with client_pod(stack) as name:
        yield name


@pytest.fixture
def token(stack: Stack, client: str) -> str:
    """A token of the administrator, valid for this test."""
    administrator = stack.administrator()
    config = {"url": "http://open-webui", "email": administrator.email, "password": administrator.password}
    return Token(stack.kubectl.python(client, SCRIPTS / "sign_in.py", config, container=CONTAINER)["token"])


def _local(environment: dict[str, str], *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "stackctl", *arguments], cwd=ROOT, env=environment, check=True, timeout=120)
