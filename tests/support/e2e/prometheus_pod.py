"""Prometheus in a pod of the node, which watches a deployed stack as its monitors and rules say."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from devcluster.node.configuration import PAUSE_IMAGE
from devcluster.toolchain.go_programs import PROMETHEUS, build
from stackctl.deployed.kubectl import Kubectl
from stackctl.deployed.stack import Stack
from tests.support.e2e.scrape_configs import scrape_configs
from tests.support.prometheus_operator import definitions
from tests.support.servers.prometheus import Prometheus

NAMESPACE = "monitoring"
"""The default of `monitoring.namespace`: network policies of the stack admit no other one."""

NAME = "prometheus"
PORT = 9090
OTLP_ENDPOINT = f"http://{NAME}.{NAMESPACE}.svc:{PORT}/api/v1/otlp/v1/metrics"
"""Where the web pods send metrics."""

_KINDS = ("podmonitors", "prometheusrules", "servicemonitors")
_EVALUATION_SECONDS = 10


def define(kubectl: Kubectl) -> None:
    """Create the kinds of the Prometheus operator in the cluster."""
    files = [f"--filename={definitions()}/monitoring.coreos.com_{kind}.yaml" for kind in _KINDS]
    kubectl.run("apply", "--server-side", *files, seconds=120)


def monitors(stack: Stack) -> list[dict[str, Any]]:
    """The deployed ServiceMonitors and PodMonitors."""
    items: list[dict[str, Any]] = stack.kubectl.get("servicemonitors,podmonitors")["items"]
    return items


def rule_groups(stack: Stack) -> list[dict[str, Any]]:
    """The groups of the deployed PrometheusRules."""
    return [group for item in stack.kubectl.get("prometheusrules")["items"] for group in item["spec"]["groups"]]


@contextmanager
def prometheus(stack: Stack) -> Iterator[Prometheus]:
    """A server with the targets of the deployed monitors and the deployed rules; removed at the end."""
    kubectl = replace(stack.kubectl, namespace=NAMESPACE)
    jobs = [config for monitor in monitors(stack) for config in scrape_configs(monitor)]
    configuration = {
        "global": {"evaluation_interval": f"{_EVALUATION_SECONDS}s"},
        "rule_files": ["/etc/prometheus/rules.yaml"],
        "scrape_configs": jobs,
    }
    files = {"prometheus.yaml": json.dumps(configuration), "rules.yaml": json.dumps({"groups": rule_groups(stack)})}
    try:
        for manifest in _manifests(files):
            kubectl.apply(manifest)
        for manifest in _permissions():
            stack.kubectl.apply(manifest)
        kubectl.run("rollout", "status", f"deployment/{NAME}", "--timeout=90s", seconds=100)
        service = kubectl.get("service", NAME)
        # The machine has a route to the addresses of Services.
        yield Prometheus(PORT, str(service["spec"]["clusterIP"]))
    finally:
        stack.kubectl.run("delete", "role,rolebinding", NAME, "--ignore-not-found")
        kubectl.run("delete", "namespace", NAMESPACE, "--ignore-not-found", seconds=120)


def reaches(kubectl: Kubectl, address: str, port: int, seconds: float = 2) -> bool:
    """Whether the pod of Prometheus can connect to an address."""
    script = f"""
import socket
try:
    socket.create_connection(({address!r}, {port}), {seconds}).close()
except TimeoutError:
    print("no")
else:
    print("yes")
"""
    own = replace(kubectl, namespace=NAMESPACE)
    return own.run("exec", f"deployment/{NAME}", "--", "python3", "-c", script).strip() == "yes"


def _manifests(files: dict[str, str]) -> Iterator[dict[str, Any]]:
    named = {"name": NAME, "namespace": NAMESPACE}
    labels = {"app": NAME}
    yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": named}
    yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": named, "data": files}
    yield {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": named,
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": _pod(build(PROMETHEUS).resolve())},
        },
    }
    yield {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": named,
        "spec": {"selector": labels, "ports": [{"port": PORT}]},
    }


def _pod(program: Path) -> dict[str, Any]:
    """The pod runs an image of the node; the program is a file of this machine."""
    mounts = {"/prometheus": "program", "/etc/prometheus": "config", "/data": "data"}
    container = {
        "name": NAME,
        "image": PAUSE_IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["/prometheus"],
        "args": [
            "--config.file=/etc/prometheus/prometheus.yaml",
            "--storage.tsdb.path=/data",
            f"--web.listen-address=:{PORT}",
            "--web.enable-otlp-receiver",
        ],
        "readinessProbe": {"httpGet": {"path": "/-/ready", "port": PORT}, "periodSeconds": 1},
        "volumeMounts": [{"name": name, "mountPath": path} for path, name in mounts.items()],
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}},
    }
    return {
        "serviceAccountName": NAME,
        "securityContext": {"runAsUser": 65532, "runAsNonRoot": True, "fsGroup": 65532},
        "terminationGracePeriodSeconds": 1,
        "containers": [container],
        "volumes": [
            {"name": "program", "hostPath": {"path": str(program), "type": "File"}},
            {"name": "config", "configMap": {"name": NAME}},
            {"name": "data", "emptyDir": {}},
        ],
    }


def _permissions() -> Iterator[dict[str, Any]]:
    """Those that the operator's documentation gives Prometheus, in the namespace of the stack alone."""
    read = ["get", "list", "watch"]
    rules = [
        {"apiGroups": [""], "resources": ["services", "pods"], "verbs": read},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": read},
    ]
    group = "rbac.authorization.k8s.io"
    yield {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": {"name": NAME}, "rules": rules}
    yield {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": NAME},
        "roleRef": {"apiGroup": group, "kind": "Role", "name": NAME},
        "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}],
    }
