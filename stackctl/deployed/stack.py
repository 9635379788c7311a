"""The deployed stack as the checks see it: pods, Secrets, the administrator's account."""

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.blocks.labels import PART_OF as PART_OF_LABEL
from components.blocks.labels import STACK
from components.open_webui import names as open_webui
from components.redis import names as redis

from .kubectl import Kubectl, KubectlError

SCRIPTS = Path(__file__).parents[1] / "verify" / "inside"
WEB = open_webui.APP
WEB_PORT = open_webui.PORT
PART_OF = f"{PART_OF_LABEL}={STACK}"
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

    def workloads(self) -> dict[str, dict[str, Any]]:
        """The Deployments and StatefulSets of the stack by their label ``app``."""
        items = self.kubectl.get("deployments,statefulsets", "-l", PART_OF)["items"]
        return {item["metadata"]["labels"]["app"]: item for item in items}

    def addresses(self) -> dict[str, str]:
        """The Services in the namespace and their addresses; ``None``, as a text, for a headless one."""
        items = self.kubectl.get("services")["items"]
        return {item["metadata"]["name"]: item["spec"].get("clusterIP", "") for item in items}

    def has_redis(self) -> bool:
        """Whether Redis is the stack's own: then there are users of it. An external one has neither pod nor Service."""
        found = self.kubectl.get("secrets", "-l", f"app={redis.APP},{PART_OF}")["items"]
        return any(item["metadata"]["name"] == redis.USERS_SECRET for item in found)

    def secret(self, name: str) -> dict[str, str]:
        """Keys and values of a Secret."""
        data = self.kubectl.get("secret", name).get("data") or {}
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def administrator(self) -> Account:
        """The account that the stack made at its first start."""
        secret = self.secret(open_webui.ADMIN_SECRET)
        return Account(email=secret[open_webui.ADMIN_EMAIL], password=secret[open_webui.ADMIN_PASSWORD])

    def deployment(self) -> dict[str, Any]:
        """The Deployment of the web pods."""
        return self.kubectl.get("deployment", WEB)

    def leaving_seconds(self) -> int:
        """Within which a web pod that has to leave is gone: its grace period, and a minute for the cluster."""
        return int(self.deployment()["spec"]["template"]["spec"].get("terminationGracePeriodSeconds", 30)) + 60

    def variable(self, name: str) -> str:
        """Plain value of an environment variable of the web pods; empty when it has none."""
        container = self.deployment()["spec"]["template"]["spec"]["containers"][0]
        return next((str(v.get("value", "")) for v in container["env"] if v["name"] == name), "")

    def is_simulated(self) -> bool:
        """Whether the pods are on simulated nodes, where no container runs."""
        names = sorted({str(pod["spec"]["nodeName"]) for pod in self.pods(WEB) if pod["spec"].get("nodeName")})
        if not names:
            return False
        try:
            found = self.kubectl.get("nodes", *names)
        except KubectlError as error:
            # Nodes belong to no namespace: who has rights in this one alone may not see them, and is on a real cluster.
            if "forbidden" in str(error).lower():
                return False
            raise
        # kubectl prints one object as it is, several as a list.
        nodes = found.get("items", [found])
        return any(_SIMULATED in node["metadata"].get("annotations", {}) for node in nodes)

    def in_web_pod(self, pod: dict[str, Any], script: str, **config: Any) -> Any:
        """Run one of the scripts in ``inside/`` in a web pod, whose variables it finds."""
        return self.kubectl.python(pod["metadata"]["name"], SCRIPTS / script, config, container=WEB)


def is_ready(pod: dict[str, Any]) -> bool:
    """Whether a pod has the condition Ready."""
    conditions = pod["status"].get("conditions") or []
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def why_not_ready(pod: dict[str, Any]) -> str:
    """What keeps a pod from being ready, in the cluster's own words: ``CrashLoopBackOff``, ``Unschedulable``."""
    status = pod["status"]
    for container in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
        state = container.get("state", {})
        if (reason := state.get("waiting", {}).get("reason")) and reason != "PodInitializing":
            return f"{container['name']}: {reason}"
    for condition in status.get("conditions") or []:
        if condition["status"] != "True" and condition.get("reason"):
            return str(condition["reason"])
    return str(status.get("phase", "unknown"))


def restarts(pod: dict[str, Any]) -> int:
    """How often containers of a pod were started again."""
    status = pod["status"]
    containers = (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ()))
    return sum(int(container.get("restartCount", 0)) for container in containers)
