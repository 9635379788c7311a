"""The Gateway API in the cluster of a test: its definitions, and Gateways that no controller serves."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from devcluster.clusters.choice import Cluster
from devcluster.toolchain.go_programs import kubectl
from stackctl.deployed.kubectl import Kubectl
from tests.support.gateway_api import definitions

GATEWAYS = "gateways"
"""Namespace of the Gateways of `existing_gateway`."""

GONE_SECONDS = 300
"""For the deletion of definitions: the API server looks for their objects for up to a minute, and after an error again,
with pauses that grow."""


def kubectl_of(cluster: Cluster, namespace: str = "default") -> Kubectl:
    """kubectl for the cluster of a test."""
    return Kubectl(program=str(kubectl()), namespace=namespace, kubeconfig=cluster.kubeconfig, context=cluster.context)


@contextmanager
def gateway_api(cluster: Cluster) -> Iterator[Kubectl]:
    """The definitions of the standard channel while the body runs; all objects of its kinds go with them."""
    client = kubectl_of(cluster, GATEWAYS)
    client.run("apply", "--server-side", "-f", str(definitions()), seconds=120)
    client.run("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
    client.run("create", "namespace", GATEWAYS)
    try:
        yield client
    finally:
        client.run("delete", "-f", str(definitions()), "--ignore-not-found", seconds=GONE_SECONDS)
        client.run("delete", "namespace", GATEWAYS, seconds=120)


def existing_gateway(name: str, **listener: Any) -> dict[str, Any]:
    """A Gateway with one https listener that nothing serves.

    Args:
        name: its name.
        listener: further fields of the listener, such as ``allowedRoutes``.
    """
    certificate = {"certificateRefs": [{"name": "certificate"}]}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": name, "namespace": GATEWAYS},
        "spec": {
            "gatewayClassName": "nothing",
            "listeners": [{"name": "https", "port": 443, "protocol": "HTTPS", "tls": certificate, **listener}],
        },
    }
