"""The first update creates the web pods while PostgreSQL starts, by the real engine."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from devcluster.clusters.choice import Cluster
from host.waiting import attempts
from tests.support.engine.stack import Namespace, Run, StackFactory

pytest_plugins = ("tests.support.engine.stack_fixtures",)

NAME = "first-start"
UPDATE_SECONDS = 120


@contextmanager
def labeled(namespace: Namespace, **labels: str) -> Iterator[None]:
    """Every node has these labels while the body runs."""
    nodes = [node.metadata.name for node in namespace.core.list_node().items]

    def patch(values: dict[str, Any]) -> None:
        for node in nodes:
            namespace.core.patch_node(node, {"metadata": {"labels": values}})

    patch(labels)
    try:
        yield
    finally:
        patch(dict.fromkeys(labels))


def wait_for_web_pods(namespace: Namespace, update: Any) -> None:
    for _ in attempts(seconds=UPDATE_SECONDS, every=0.2):
        if update.done() or (namespace.exists() and namespace.pods("open-webui")):
            return
    raise AssertionError(f"no web pod after {UPDATE_SECONDS} s")


def test_the_web_pods_are_created_before_postgresql_is_ready(new_stack: StackFactory, cluster: Cluster) -> None:
    # No node has this label, so PostgreSQL stays pending.
    stack = new_stack("dev", f"namespace={NAME}", f"postgresql.pods.nodeSelector.{NAME}=here")
    namespace = Namespace(cluster, NAME)
    with ThreadPoolExecutor(1) as executor:
        update = executor.submit(stack.up)
        wait_for_web_pods(namespace, update)
        assert not update.done(), update.result()
        assert [pod.spec.node_name for pod in namespace.pods("postgres")] == [None]
        assert namespace.pods("open-webui-preflight") == []
        with labeled(namespace, **{NAME: "here"}):
            run: Run = update.result(UPDATE_SECONDS)
            assert run.errors == []
            assert stack.up().changes == set()
            # The state knows the order of every later update.
            deployment = stack.resources()["Deployment open-webui"]
            assert any(urn.endswith("::open-webui-preflight") for urn in deployment["dependencies"])
            stack.destroy()
    namespace.wait_until_gone()
