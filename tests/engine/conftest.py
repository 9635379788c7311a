"""What the tests of the engine share: a toolchain, a cluster of their own, and the environment to run Pulumi in."""

import os
from collections.abc import Iterator

import pytest
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS

from devcluster.clusters import control_plane, kwok
from devcluster.clusters.choice import Cluster
from devcluster.toolchain.providers import search_path, uses_emulators
from devcluster.toolchain.pulumi_cli import pulumi_cli
from host.locks import exclusive
from host.processes import is_alive
from tests.support.engine.pulumi_commands import pulumi_home
from tests.support.engine.toolchain import Toolchain

PASSPHRASE = "for the stacks of one test run"
CLUSTER_PREFIX = "open-webui-stack-test-"
SLOWEST_FIRST = (
    "stack_examples",
    "component_package",
    "component_parts",
    "recordings",
    "stack_existing_secrets",
    "stack_exposure",
    "stack_cluster_access",
    "stack_environments",
    "stack_preview",
    "stack_interrupted",
    "stack_preflight",
    "stackctl_commands",
    "stack_rotation",
    "stack_failures",
    "emulators",
    "adopt",
    "stack_kubeconfig",
    "stack_encryption_keys",
)
"""Modules that take a minute or more: started last, one of them would keep a worker busy while the others wait."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the modules for the workers of xdist, which take them one after the other (``--dist loadfile``)."""
    ranks = {f"test_{name}": rank for rank, name in enumerate(SLOWEST_FIRST)}
    items.sort(key=lambda item: ranks.get(item.path.stem, len(ranks)))


@pytest.fixture(scope="session", autouse=True)
def _connections_of_one_engine() -> None:
    """Give the program of each command connections of its own.

    The programs run in this process, hundreds one after the other. gRPC shares connections by address among all
    channels of a process, and one that was refused stays so for seconds: an engine that gets the port of one that has
    gone is not called at all.
    """
    _GRPC_CHANNEL_OPTIONS.append(("grpc.use_local_subchannel_pool", 1))


@pytest.fixture(scope="session")
def toolchain() -> Toolchain:
    """What `make up` uses, built when there is none (once, about ten minutes)."""
    pulumi = pulumi_cli()
    return Toolchain(pulumi=pulumi, path=search_path(pulumi))


@pytest.fixture(scope="session")
def emulators_in_use(toolchain: Toolchain) -> bool:
    """Whether a provider emulator is in use, because the official plugin is not available here."""
    return uses_emulators(toolchain.path)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of simulated nodes for this worker of the test run alone; gone at its end, whatever happened before."""
    with exclusive("orphaned-test-clusters", "deletes the clusters of ended test runs"):
        _delete_orphans()
    name = f"{CLUSTER_PREFIX}{os.getpid()}"
    try:
        yield kwok.up(name, tmp_path_factory.mktemp("cluster") / "kubeconfig")[0]
    finally:
        control_plane.delete(name)


@pytest.fixture(scope="session")
def engine_environment(
    toolchain: Toolchain, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """The whole environment of a `pulumi` process: toolchain, cluster, a file backend of this test run."""
    # None of the user's own settings for Pulumi: they may name a backend or a secret.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")}
    return inherited | {
        "PULUMI_HOME": str(pulumi_home(tmp_path_factory.mktemp("pulumi-home"))),
        "PATH": toolchain.path,
        "KUBECONFIG": str(cluster.kubeconfig),
        "PULUMI_BACKEND_URL": tmp_path_factory.mktemp("state").as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_OPTION_COLOR": "never",
    }


def _delete_orphans() -> None:
    """Clusters of test runs that were killed before they could delete theirs."""
    for name in control_plane.names():
        # A test's own second cluster has the same name with something after it.
        run = name.removeprefix(CLUSTER_PREFIX).partition("-")[0]
        if name.startswith(CLUSTER_PREFIX) and not is_alive(int(run)):
            control_plane.delete(name)
