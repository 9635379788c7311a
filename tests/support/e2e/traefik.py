"""Traefik in a pod of the node, for Ingresses and Gateways."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from devcluster.node.configuration import PAUSE_IMAGE
from stack_config.files import ROOT
from stackctl.deployed.kubectl import Kubectl
from tests.support.gateway_api import definitions
from tests.support.traefik_definitions import definitions as own_definitions

NAMESPACE = "traefik"
CLASS = "traefik"
WEB, WEBSECURE, IMPATIENT = 8000, 8443, 9443
"""Ports of the entry points: http; https with no limit for a request; https with Traefik's own limit of 60 s."""

_POLICY_PORTS = {"web": WEB, "websecure": WEBSECURE, "impatient": IMPATIENT}
_READ = ["get", "list", "watch"]


@dataclass(frozen=True, kw_only=True)
class Traefik:
    """A running Traefik."""

    kubectl: Kubectl
    address: str
    """Address of its Service, to which this machine has a route."""

    def requests_of(self, router: str) -> int:
        """Requests in the access log that a router served whose name contains the text."""
        log = self.kubectl.run("logs", "deployment/traefik", "--tail=-1")
        return sum(router in line for line in log.splitlines() if "RouterName" in line)


@contextmanager
def traefik(kubectl: Kubectl) -> Iterator[Traefik]:
    """Traefik with its own definitions and those of the Gateway API; Traefik is removed at the end.

    Args:
        kubectl: for the cluster, whatever its namespace is.
    """
    kubectl = replace(kubectl, namespace=NAMESPACE)
    for file in (definitions(), *own_definitions()):
        kubectl.run("apply", "--server-side", "-f", str(file), seconds=120)
    try:
        for manifest in _manifests():
            kubectl.apply(manifest)
        kubectl.run("rollout", "status", "deployment/traefik", "--timeout=90s", seconds=100)
        service = kubectl.get("service", "traefik")
        yield Traefik(kubectl=kubectl, address=str(service["spec"]["clusterIP"]))
    finally:
        kubectl.run("delete", "ingressclass,gatewayclass", CLASS, "--ignore-not-found")
        kubectl.run("delete", "clusterrole,clusterrolebinding", "traefik", "--ignore-not-found")
        kubectl.run("delete", "namespace", NAMESPACE, "--ignore-not-found", seconds=120)


def _manifests() -> Iterator[dict[str, Any]]:
    # The pod runs an image of the node; the program is a file of this machine.
    program = ROOT / ".venv-servers" / "bin" / "traefik"
    assert program.exists(), "the program is missing: make .venv-servers/ready"
    named = {"name": "traefik", "namespace": NAMESPACE}
    yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": named}
    yield from _permissions()
    yield {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": {"name": CLASS},
        "spec": {"controller": "traefik.io/ingress-controller"},
    }
    yield {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "GatewayClass",
        "metadata": {"name": CLASS},
        "spec": {"controllerName": "traefik.io/gateway-controller"},
    }
    yield {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": named,
        "spec": {
            "selector": {"matchLabels": {"app": "traefik"}},
            "template": {"metadata": {"labels": {"app": "traefik"}}, "spec": _pod(program.resolve())},
        },
    }
    ports = [("web", 80, WEB), ("websecure", 443, WEBSECURE), ("impatient", IMPATIENT, IMPATIENT)]
    yield {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": named,
        "spec": {
            "selector": {"app": "traefik"},
            "ports": [{"name": name, "port": port, "targetPort": target} for name, port, target in ports],
        },
    }


def _pod(program: Path) -> dict[str, Any]:
    arguments = [f"--entryPoints.{name}.address=:{port}" for name, port in _POLICY_PORTS.items()]
    container = {
        "name": "traefik",
        "image": PAUSE_IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["/traefik"],
        "args": [
            *arguments,
            "--entryPoints.websecure.transport.respondingTimeouts.readTimeout=0",
            "--providers.kubernetesIngress",
            "--providers.kubernetesGateway",
            "--providers.kubernetesCRD",
            "--accessLog",
            "--accessLog.format=json",
            "--ping",
            "--ping.entryPoint=web",
            "--global.checkNewVersion=false",
            "--global.sendAnonymousUsage=false",
        ],
        "readinessProbe": {"httpGet": {"path": "/ping", "port": WEB}, "periodSeconds": 1},
        "volumeMounts": [{"name": "program", "mountPath": "/traefik", "readOnly": True}],
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
    }
    return {
        "serviceAccountName": "traefik",
        "securityContext": {"runAsUser": 65532, "runAsNonRoot": True},
        "terminationGracePeriodSeconds": 1,
        "containers": [container],
        "volumes": [
            {"name": "program", "hostPath": {"path": str(program), "type": "File"}},
        ],
    }


def _permissions() -> Iterator[dict[str, Any]]:
    """Those of its documentation."""
    core = ["services", "secrets", "nodes", "namespaces", "configmaps"]
    rules = [
        {"apiGroups": [""], "resources": core, "verbs": _READ},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": _READ},
        {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses", "ingressclasses"], "verbs": _READ},
        {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses/status"], "verbs": ["update"]},
        {"apiGroups": ["gateway.networking.k8s.io"], "resources": ["*"], "verbs": [*_READ, "update", "patch"]},
        {"apiGroups": ["traefik.io"], "resources": ["*"], "verbs": _READ},
    ]
    yield {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "traefik"},
        "rules": rules,
    }
    yield {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "traefik"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "traefik"},
        "subjects": [{"kind": "ServiceAccount", "name": "traefik", "namespace": NAMESPACE}],
    }
