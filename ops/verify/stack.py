"""The deployed stack as the checks see it: pods, Secrets, the administrator's account."""

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .kubectl import Kubectl

SCRIPTS = Path(__file__).parent / "inside"
WEB = "open-webui"
_SIMULATED = "kwok.x-k8s.io/node"


@dataclass(frozen=True, kw_only=True)
class Account:
    """Somebody who can sign in."""

    email: str
    password: str


@dataclass(frozen=True)
class Stack:
    """A stack in one namespace of a cluster."""

    kubectl: Kubectl

    def pods(self, app: str) -> list[dict[str, Any]]:
        """Pods with the label ``app``, those that are leaving aside, in the order of their names."""
        items = self.kubectl.get("pods", "-l", f"app={app}")["items"]
        staying = [pod for pod in items if not pod["metadata"].get("deletionTimestamp")]
        return sorted(staying, key=lambda pod: str(pod["metadata"]["name"]))

    def ready(self, app: str) -> list[dict[str, Any]]:
        """Those of `pods` that are ready."""
        return [pod for pod in self.pods(app) if is_ready(pod)]

    def secret(self, name: str) -> dict[str, str]:
        """Keys and values of a Secret."""
        data = self.kubectl.get("secret", name).get("data") or {}
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def administrator(self) -> Account:
        """The account that the stack made at its first start."""
        environment = self.deployment()["spec"]["template"]["spec"]["containers"][0]["env"]
        email = next(v["value"] for v in environment if v["name"] == "WEBUI_ADMIN_EMAIL")
        password = next(v["valueFrom"]["secretKeyRef"] for v in environment if v["name"] == "WEBUI_ADMIN_PASSWORD")
        return Account(email=email, password=self.secret(password["name"])[password["key"]])

    def deployment(self) -> dict[str, Any]:
        """The Deployment of the web pods."""
        return self.kubectl.get("deployment", WEB)

    def is_simulated(self) -> bool:
        """Whether the pods are on simulated nodes, where no container runs."""
        nodes = {pod["spec"].get("nodeName") for pod in self.pods(WEB)} - {None}
        return any(_SIMULATED in self.kubectl.get("node", str(n))["metadata"].get("annotations", {}) for n in nodes)

    def in_web_pod(self, pod: dict[str, Any], script: str, **config: Any) -> Any:
        """Run one of the scripts in ``inside/`` in a web pod, whose variables it finds."""
        return self.kubectl.python(pod["metadata"]["name"], SCRIPTS / script, config, container=WEB)


def is_ready(pod: dict[str, Any]) -> bool:
    """Whether a pod has the condition Ready."""
    conditions = pod["status"].get("conditions") or []
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
