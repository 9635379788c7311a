"""Definitions of custom kinds in the cluster of a test, as far as an object needs them."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from components.blocks.custom_kinds import BARMAN_OBJECT_STORE, CNPG_CLUSTER, HTTP_ROUTE, CustomKind
from devcluster.clusters.choice import Cluster
from tests.support.engine.cloudnative_pg import barman_cloud, cloudnative_pg
from tests.support.engine.gateway_api import gateway_api
from tests.support.engine.stack import Namespace


@contextmanager
def served(cluster: Cluster, kinds: Iterable[CustomKind]) -> Iterator[None]:
    """The kinds while the body runs: those that have a module with their own definitions, others with any fields."""
    installed = {
        HTTP_ROUTE.api_version: gateway_api,
        CNPG_CLUSTER.api_version: cloudnative_pg,
        BARMAN_OBJECT_STORE.api_version: barman_cloud,
    }
    needed = list(kinds)
    with ExitStack() as entered:
        for version in dict.fromkeys(kind.api_version for kind in needed if kind.api_version in installed):
            entered.enter_context(installed[version](cluster))
        entered.enter_context(defined(cluster, [kind for kind in needed if kind.api_version not in installed]))
        yield


@contextmanager
def defined(cluster: Cluster, kinds: Iterable[CustomKind]) -> Iterator[None]:
    """The kinds while the body runs, with any fields."""
    resources = Namespace(cluster, "default").dynamic.resources
    api: Any = resources.get(api_version="apiextensions.k8s.io/v1", kind="CustomResourceDefinition")
    made = [_definition(kind) for kind in kinds]
    for each in made:
        api.create(each)
    try:
        yield
    finally:
        for each in made:
            api.delete(each["metadata"]["name"])


def _definition(kind: CustomKind) -> dict[str, Any]:
    group, _, version = kind.api_version.partition("/")
    plural = f"{kind.kind.lower()}s"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": kind.kind},
            "versions": [{"name": version, "served": True, "storage": True, "schema": schema}],
        },
    }
