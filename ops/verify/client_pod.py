"""A pod inside the namespace that may connect to the web pods, there for the time of the checks."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from .kubectl import Kubectl, KubectlError
from .stack import WEB, Stack

NAME = "verify-client"
_LABELS = {"app": NAME, "app.kubernetes.io/component": "verify"}
_SECONDS = 120


@contextmanager
def client_pod(stack: Stack) -> Iterator[str]:
    """The pod and the two policies that let it connect; gone afterwards, also when the body fails.

    Yields:
        Its name.

    Raises:
        KubectlError: it could not be made, or did not start within two minutes.
    """
    kubectl = stack.kubectl
    # What an earlier run that was killed may have left.
    remove(kubectl)
    image = stack.deployment()["spec"]["template"]["spec"]["containers"][0]["image"]
    try:
        for manifest in (*_policies(), _pod(image)):
            kubectl.apply(manifest)
        kubectl.run("wait", "--for=condition=Ready", f"pod/{NAME}", f"--timeout={_SECONDS}s", seconds=_SECONDS + 10)
        yield NAME
    finally:
        remove(kubectl)


def remove(kubectl: Kubectl) -> None:
    """Remove the pod and its policies, where they are."""
    with suppress(KubectlError):
        selector = "app.kubernetes.io/component=verify"
        kubectl.run("delete", "pod,networkpolicy", "-l", selector, "--grace-period=1", "--ignore-not-found")


def _policies() -> list[dict[str, Any]]:
    port = [{"protocol": "TCP", "port": 8080}]
    client, web = {"matchLabels": {"app": NAME}}, {"matchLabels": {"app": WEB}}
    egress = {
        "podSelector": client,
        "policyTypes": ["Egress"],
        "egress": [{"to": [{"podSelector": web}], "ports": port}],
    }
    ingress = {
        "podSelector": web,
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [{"podSelector": client}], "ports": port}],
    }
    specs = {NAME: egress, f"{NAME}-web": ingress}
    return [
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": name, "labels": _LABELS},
            "spec": spec,
        }
        for name, spec in specs.items()
    ]


def _pod(image: str) -> dict[str, Any]:
    container = {
        "name": "client",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sleep", "infinity"],
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
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": NAME, "labels": _LABELS},
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 1,
            # A run that was killed on the way leaves it for half an hour at most.
            "activeDeadlineSeconds": 1800,
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
