"""CloudNativePG in the cluster of a test: its definitions, those of its plugin, and the state that it would report."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

from kubernetes.client.exceptions import ApiException

from devcluster.clusters.choice import Cluster
from stackctl.deployed.kubectl import Kubectl
from tests.support.cloudnative_pg import BARMAN_CLOUD, definitions
from tests.support.engine.gateway_api import GONE_SECONDS, kubectl_of
from tests.support.engine.stack import Namespace

_GROUP = "postgresql.cnpg.io/v1"
_READY = {"type": "Ready", "status": "True", "reason": "ClusterIsReady", "message": "Cluster is Ready"}


@contextmanager
def cloudnative_pg(cluster: Cluster) -> Iterator[Kubectl]:
    """The definitions while the body runs, and every `Cluster` reported ready; all objects of its kinds go with them.

    On simulated nodes no instance manager runs, by which the operator itself would know that an instance is ready.
    """
    with _defined(cluster, definitions()) as client:
        stopped = Event()
        reporter = Thread(target=_report_ready, args=(cluster, stopped))
        reporter.start()
        try:
            yield client
        finally:
            stopped.set()
            reporter.join()


@contextmanager
def barman_cloud(cluster: Cluster) -> Iterator[Kubectl]:
    """The definition of the Barman Cloud plugin while the body runs; all its objects go with it."""
    with _defined(cluster, definitions(BARMAN_CLOUD)) as client:
        yield client


@contextmanager
def _defined(cluster: Cluster, manifests: Path) -> Iterator[Kubectl]:
    client = kubectl_of(cluster)
    client.run("apply", "--server-side", "-f", str(manifests), seconds=120)
    client.run("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
    try:
        yield client
    finally:
        client.run("delete", "-f", str(manifests), "--ignore-not-found", seconds=GONE_SECONDS)


def _report_ready(cluster: Cluster, stopped: Event) -> None:
    api: Any = Namespace(cluster, "default").dynamic.resources.get(api_version=_GROUP, kind="Cluster")
    while not stopped.wait(0.5):
        for each in api.get().items:
            if any(condition.type == "Ready" for condition in (each.status or {}).get("conditions", [])):
                continue
            moved = {**_READY, "lastTransitionTime": each.metadata.creationTimestamp}
            # It may be gone by now.
            with suppress(ApiException):
                api.status.patch(
                    {"apiVersion": _GROUP, "kind": "Cluster", "status": {"conditions": [moved]}},
                    name=each.metadata.name,
                    namespace=each.metadata.namespace,
                    content_type="application/merge-patch+json",
                )
