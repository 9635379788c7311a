"""The DNS server of the cluster: CoreDNS in a pod, so that network policies apply to its traffic as in any cluster."""

from typing import Any

from kubernetes import client

from ..clusters.api import create_missing
from .images.definitions import COREDNS_IMAGE
from .layout import Layout

NAMESPACE = "kube-system"
# The standard names and labels of the DNS server: network policies select it by them.
_LABELS = {"k8s-app": "kube-dns"}
_NAME = "coredns"
_SERVICE = "kube-dns"
_COREFILE = """\
.:53 {
    errors
    health
    ready
    kubernetes cluster.local in-addr.arpa {
        kubeconfig /etc/coredns/kubeconfig
    }
    cache 5
    loop
}
"""


def deploy(api: client.ApiClient, layout: Layout) -> None:
    """Create the DNS server if it does not exist."""
    core: Any = client.CoreV1Api(api)
    if any(service.metadata.name == _SERVICE for service in core.list_namespaced_service(NAMESPACE).items):
        return
    apps, rbac = client.AppsV1Api(api), client.RbacAuthorizationV1Api(api)
    create_missing(core.create_namespaced_service_account, {"metadata": {"name": _NAME}}, namespace=NAMESPACE)
    create_missing(rbac.create_cluster_role, _role())
    create_missing(rbac.create_cluster_role_binding, _role_binding())
    configuration = {"Corefile": _COREFILE, "kubeconfig": _kubeconfig(layout)}
    create_missing(
        core.create_namespaced_config_map, {"metadata": {"name": _NAME}, "data": configuration}, namespace=NAMESPACE
    )
    create_missing(apps.create_namespaced_deployment, _deployment(), namespace=NAMESPACE)
    # Last, because it marks the rest as complete; a conflict about its address must raise an error.
    core.create_namespaced_service(NAMESPACE, _service(layout))


def is_ready(api: client.ApiClient) -> bool:
    """Whether the DNS server is ready."""
    apps: Any = client.AppsV1Api(api)
    return bool(apps.read_namespaced_deployment(_NAME, NAMESPACE).status.ready_replicas)


def _role() -> dict[str, Any]:
    watched = [
        {"apiGroups": [""], "resources": ["endpoints", "services", "pods", "namespaces"], "verbs": ["list", "watch"]},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
    ]
    return {"metadata": {"name": f"system:{_NAME}"}, "rules": watched}


def _role_binding() -> dict[str, Any]:
    return {
        "metadata": {"name": f"system:{_NAME}"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": f"system:{_NAME}"},
        "subjects": [{"kind": "ServiceAccount", "name": _NAME, "namespace": NAMESPACE}],
    }


def _kubeconfig(layout: Layout) -> str:
    """The kubeconfig of the pod's ServiceAccount. The certificate of the API server names another address."""
    account = "/var/run/secrets/kubernetes.io/serviceaccount"
    port = layout.kubeconfig.read_text().partition(f"https://{layout.machine_address}:")[2].split()[0]
    return f"""\
apiVersion: v1
kind: Config
current-context: own
contexts: [{{name: own, context: {{cluster: own, user: own}}}}]
clusters:
- name: own
  cluster:
    server: https://{layout.machine_address}:{port}
    tls-server-name: localhost
    certificate-authority: {account}/ca.crt
users: [{{name: own, user: {{tokenFile: {account}/token}}}}]
"""


def _service(layout: Layout) -> dict[str, Any]:
    ports = [{"name": f"dns-{protocol.lower()}", "port": 53, "protocol": protocol} for protocol in ("UDP", "TCP")]
    return {
        "metadata": {"name": _SERVICE, "labels": _LABELS},
        "spec": {"clusterIP": layout.dns_address, "selector": _LABELS, "ports": ports},
    }


def _deployment() -> dict[str, Any]:
    container = {
        "name": _NAME,
        "image": COREDNS_IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "args": ["-conf", "/etc/coredns/Corefile"],
        "ports": [{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 53, "protocol": "TCP"}],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "50m", "memory": "50Mi"}, "limits": {"memory": "170Mi"}},
        "volumeMounts": [{"name": "configuration", "mountPath": "/etc/coredns"}],
    }
    pod = {
        "serviceAccountName": _NAME,
        "dnsPolicy": "Default",
        "priorityClassName": "system-cluster-critical",
        "containers": [container],
        "volumes": [{"name": "configuration", "configMap": {"name": _NAME}}],
    }
    return {
        "metadata": {"name": _NAME, "labels": _LABELS},
        "spec": {
            "selector": {"matchLabels": _LABELS},
            "template": {"metadata": {"labels": _LABELS}, "spec": pod},
        },
    }
