"""Fixtures of the tests of the stack, shared by their modules: to be named in `pytest_plugins`."""

from pathlib import Path

import pytest

from devcluster.clusters import simulation
from devcluster.clusters.choice import Cluster
from tests.support.engine.stack import GIVEN_SECRETS, Namespace, Stack, StackFactory

BASE_NAMESPACE = "rag-system"


@pytest.fixture(scope="session")
def new_stack(
    cluster: Cluster, engine_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> StackFactory:
    """Makes stacks with nothing deployed: ``new_stack("dev", "namespace=other", on=…, secrets=…)``."""

    def make(environment: str, *sets: str, on: Cluster = cluster, secrets: dict[str, str] | None = None) -> Stack:
        if on.kind == "kwok" and on.kubeconfig:
            # As `make up` does: the stacks before this one have used volumes up.
            simulation.prepare(on.kubeconfig, on.context)
        # A backend of its own for each: there are several stacks called `dev`.
        backend: Path = tmp_path_factory.mktemp("backend")
        variables = {**engine_environment, "PULUMI_BACKEND_URL": backend.as_uri()}
        return Stack(environment, on, variables, tmp_path_factory.mktemp("project"), sets, secrets)

    return make


@pytest.fixture(scope="session")
def base(new_stack: StackFactory) -> Stack:
    """`dev` with an external AI service, deployed once for all tests.

    A test that changes it leaves it deployed with the settings in ``sets``, and nothing else changed.
    """
    stack = new_stack("dev", "openWebui.openaiApiBaseUrl=https://models.example.com/v1", secrets=GIVEN_SECRETS)
    stack.up()
    return stack


@pytest.fixture(scope="session")
def live(base: Stack) -> Namespace:
    """The namespace of the base."""
    return Namespace(base.cluster, BASE_NAMESPACE)
