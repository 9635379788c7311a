"""The kinds of Traefik in the cluster of a test, and the classes that a Traefik outside of it serves."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from devcluster.clusters.choice import Cluster
from tests.support.engine.gateway_api import GONE_SECONDS, kubectl_of
from tests.support.traefik_definitions import definitions

CLASS = "traefik"


@contextmanager
def traefik_kinds(cluster: Cluster) -> Iterator[None]:
    """Traefik's own definitions and its classes while the body runs; all objects of its kinds go with them."""
    client = kubectl_of(cluster)
    files = [f"--filename={file}" for file in definitions()]
    client.run("apply", "--server-side", *files, seconds=120)
    client.run("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
    for each in _classes():
        client.apply(each)
    try:
        yield
    finally:
        client.run("delete", "ingressclass,gatewayclass", CLASS)
        client.run("delete", *files, "--ignore-not-found", seconds=GONE_SECONDS)


def _classes() -> Iterator[dict[str, Any]]:
    named = {"metadata": {"name": CLASS}}
    controller = {"controller": "traefik.io/ingress-controller"}
    yield {"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", **named, "spec": controller}
    gateway = {"controllerName": "traefik.io/gateway-controller"}
    yield {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", **named, "spec": gateway}
