"""Fixtures of the tests of the stack, shared by their modules: to be named in `pytest_plugins`."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from devcluster.clusters import simulation
from devcluster.clusters.choice import Cluster
from stack_config.files import ROOT
from tests.support.engine.secrets import secret_values, seen_in
from tests.support.engine.stack import BASE_NAMESPACE, GIVEN_SECRETS, Namespace, Stack, StackFactory

BASE_SETS = ("openWebui.openaiApiBaseUrl=https://models.example.com/v1",)
_FAILED = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def new_stack(
    cluster: Cluster, engine_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> StackFactory:
    """Makes stacks with nothing deployed: ``new_stack("dev", "namespace=other", on=…, secrets=…)``."""

    def make(
        environment: str,
        *sets: str,
        on: Cluster = cluster,
        secrets: Mapping[str, str] | None = None,
        stack_files: Path = ROOT,
    ) -> Stack:
        if on.kind == "kwok" and on.kubeconfig:
            # As `make up` does: the stacks before this one have used volumes up.
            simulation.prepare(on.kubeconfig, on.context)
        # A backend of its own for each: there are several stacks called `dev`.
        backend: Path = tmp_path_factory.mktemp("backend")
        variables = {**engine_environment, "PULUMI_BACKEND_URL": backend.as_uri()}
        return Stack(environment, on, variables, tmp_path_factory.mktemp("project"), sets, secrets, stack_files)

    return make


@dataclass
class BaseStack:
    """The stack that tests share: deployed when the first one asks for it, and the same for every test."""

    make: Callable[[], Stack]
    """Makes the stack, with nothing deployed."""

    cluster: Cluster
    _stack: Stack | None = None

    def deployed(self) -> Stack:
        """The stack with its own settings."""
        if self._stack is None:
            self._stack = self.make()
            self._stack.up()
        return self._stack

    def restore(self, *, failed: bool) -> None:
        """Take back what a test changed and kept, or, when it failed, whatever it left.

        A stack that cannot be brought back is given up: the next test gets another one.
        """
        stack = self.deployed()
        if not (failed or stack.sets != list(BASE_SETS) or stack.cluster != self.cluster):
            return
        stack.sets = list(BASE_SETS)
        stack.use(self.cluster)
        try:
            stack.up(refresh=failed)
        except AssertionError:
            self._stack = None
            namespace = Namespace(self.cluster, BASE_NAMESPACE)
            namespace.core.delete_namespace(BASE_NAMESPACE)
            namespace.wait_until_gone()


@pytest.fixture(scope="session")
def _base(new_stack: StackFactory, cluster: Cluster) -> BaseStack:
    return BaseStack(lambda: new_stack("dev", *BASE_SETS, secrets=GIVEN_SECRETS), cluster)


@pytest.fixture
def base(_base: BaseStack, request: pytest.FixtureRequest) -> Iterator[Stack]:
    """`dev` with an external AI service, deployed once for all tests.

    What a test keeps is taken back after it. Nothing that a command on it says may show a secret: that is checked after
    each test, with the secrets before it and after it.
    """
    stack = _base.deployed()
    live = Namespace(_base.cluster, BASE_NAMESPACE)
    secrets, start = secret_values(live), len(stack.transcript)
    yield stack
    failed = request.node.stash.get(_FAILED, False)
    if not failed:
        secrets |= secret_values(live)
    _base.restore(failed=failed)
    assert seen_in("\n".join(stack.transcript[start:]), secrets) == [], "a command on the stack showed secrets"


@pytest.fixture
def live(base: Stack) -> Namespace:
    """The namespace of the base."""
    return Namespace(base.cluster, BASE_NAMESPACE)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Note on the test that it failed, for the fixtures that come after it."""
    report = yield
    if report.failed:
        item.stash[_FAILED] = True
    return report
