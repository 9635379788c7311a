"""A temporary pod in the namespace that may connect to the web pods."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..deployed.kubectl import Kubectl
from ..deployed.runs import LABEL, LONGEST_RUN_SECONDS, is_orphaned, this_run
from ..deployed.stack import WEB, WEB_PORT, Stack

CONTAINER = "client"
KINDS = "pod,networkpolicy"
_APP = "verify-client"
_START_SECONDS = 120


@contextmanager
def client_pod(stack: Stack) -> Iterator[str]:
    """Create the pod and two network policies that allow its connections. Delete them afterwards, also on failure.

    Yields:
        Its name. Its container is called `CONTAINER`.

    Raises:
        KubectlError: it cannot be created, or did not start within two minutes.
    """
    kubectl = stack.kubectl
    remove_orphans(kubectl)
    name = f"{_APP}-{secrets.token_hex(4)}"
    try:
        for manifest in (*_policies(name), _pod(name, stack.deployment()["spec"]["template"]["spec"])):
            kubectl.apply(manifest)
        timeout = f"--timeout={_START_SECONDS}s"
        kubectl.run("wait", "--for=condition=Ready", f"pod/{name}", timeout, seconds=_START_SECONDS + 10)
        yield name
    finally:
        kubectl.run("delete", KINDS, "-l", f"app={name}", "--grace-period=1", "--ignore-not-found")


def remove_orphans(kubectl: Kubectl) -> None:
    """Delete the pods and policies of killed runs."""
    items = kubectl.get(KINDS, "-l", LABEL)["items"]
    for value in sorted({item["metadata"]["labels"][LABEL] for item in items}):
        if is_orphaned(value):
            kubectl.run("delete", KINDS, "-l", f"{LABEL}={value}", "--grace-period=1", "--ignore-not-found")


def _metadata(name: str, client: str) -> dict[str, Any]:
    labels = {"app": client, "app.kubernetes.io/component": "verify", LABEL: str(this_run())}
    return {"name": name, "labels": labels}


def _policies(client: str) -> list[dict[str, Any]]:
    port = [{"protocol": "TCP", "port": WEB_PORT}]
    # To any address: cluster DNS may be outside the pods (a cache on each node). The stack's own policies allow DNS to
    # every pod, but a deployment without policies has none that does.
    names = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
    this, web = {"matchLabels": {"app": client}}, {"matchLabels": {"app": WEB}}
    egress = {
        "podSelector": this,
        "policyTypes": ["Egress"],
        "egress": [{"to": [{"podSelector": web}], "ports": port}, {"ports": names}],
    }
    ingress = {
        "podSelector": web,
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [{"podSelector": this}], "ports": port}],
    }
    return [
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": _metadata(name, client),
            "spec": spec,
        }
        for name, spec in ((client, egress), (f"{client}-web", ingress))
    ]


def _pod(name: str, web: dict[str, Any]) -> dict[str, Any]:
    """The pod, with the image and the scheduling constraints of the web pods.

    Its requests and limits fit into the reserve of the quota.
    """
    container = {
        "name": CONTAINER,
        "image": web["containers"][0]["image"],
        "imagePullPolicy": "IfNotPresent",
        "command": ["sleep", str(LONGEST_RUN_SECONDS)],
        "resources": {
            "requests": {"cpu": "50m", "memory": "128Mi", "ephemeral-storage": "16Mi"},
            "limits": {"cpu": "500m", "memory": "256Mi", "ephemeral-storage": "64Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
    }
    placed = {key: web[key] for key in ("imagePullSecrets", "nodeSelector", "tolerations") if key in web}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _metadata(name, name),
        "spec": {
            **placed,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 1,
            # The pod of a killed run ends by itself; the next run deletes it.
            "activeDeadlineSeconds": LONGEST_RUN_SECONDS,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 10001,
                "runAsGroup": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
            "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "16Mi"}}],
        },
    }
