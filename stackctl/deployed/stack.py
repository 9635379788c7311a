"""A deployed stack: its pods, Secrets, and the administrator's account."""

import base64
from dataclasses import dataclass
from typing import Any

from components.blocks.labels import PART_OF as PART_OF_LABEL
from components.blocks.labels import STACK
from components.open_webui import names as open_webui
from components.postgresql import names as postgresql
from components.postgresql.cloudnative_pg.names import OF_POOLER
from components.postgresql.pooler.names import POOLER
from components.redis import names as redis

from .kubectl import Kubectl, KubectlError

WEB = open_webui.APP
WEB_PORT = open_webui.PORT
PART_OF = f"{PART_OF_LABEL}={STACK}"
_CNPG_CLUSTERS = "clusters.postgresql.cnpg.io"
_CNPG_POOLERS = "poolers.postgresql.cnpg.io"
_SIMULATED_NODE = "kwok.x-k8s.io/node"

SIMULATED = "pods are simulated here: no container runs"
"""Why a command reads nothing inside pods."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """An account of Open WebUI."""

    email: str
    password: str


@dataclass(frozen=True)
class Stack:
    """A stack in one namespace of a cluster."""

    kubectl: Kubectl

    def pods(self, app: str) -> list[dict[str, Any]]:
        """Pods with the label ``app`` by name, without terminating ones."""
        items = self.kubectl.get("pods", "-l", f"app={app}")["items"]
        staying = [pod for pod in items if not pod["metadata"].get("deletionTimestamp")]
        return sorted(staying, key=lambda pod: str(pod["metadata"]["name"]))

    def ready(self, app: str) -> list[dict[str, Any]]:
        """The ready ones of `pods`."""
        return [pod for pod in self.pods(app) if is_ready(pod)]

    def workloads(self, cluster: dict[str, Any] | None) -> dict[str, dict[str, Any]]:
        """The Deployments and StatefulSets of the stack by their label ``app``. Of CloudNativePG the cluster, as
        `as_workload` makes it, and the operator's Deployment of PgBouncer.

        Args:
            cluster: `database_cluster`.
        """
        items = self.kubectl.get("deployments,statefulsets", "-l", PART_OF)["items"]
        workloads = {item["metadata"]["labels"]["app"]: item for item in items}
        if cluster:
            workloads[postgresql.APP] = as_workload(cluster)
            label = ",".join(map("=".join, OF_POOLER.items()))
            if operated := self.kubectl.get("deployments", "-l", label)["items"]:
                workloads[POOLER] = operated[0]
        return workloads

    def _clusters(self) -> list[dict[str, Any]]:
        """The stack's PostgreSQL where CloudNativePG runs it; empty also where the kind is not known."""
        try:
            items: list[dict[str, Any]] = self.kubectl.get(_CNPG_CLUSTERS, "-l", PART_OF)["items"]
        except KubectlError:
            return []
        return items

    def addresses(self) -> dict[str, str]:
        """The Services in the namespace and their addresses; the text ``None`` for a headless one."""
        items = self.kubectl.get("services")["items"]
        return {item["metadata"]["name"]: item["spec"].get("clusterIP", "") for item in items}

    def has_redis(self) -> bool:
        """Whether the stack has its own Redis, and so a Secret with its users."""
        secrets = self.kubectl.get("secrets", "-l", f"app={redis.APP},{PART_OF}")["items"]
        return any(item["metadata"]["name"] == redis.USERS_SECRET for item in secrets)

    def has_database(self) -> bool:
        """Whether PostgreSQL runs in the namespace. An external one has no Service there."""
        return postgresql.SERVICE in self.addresses()

    def has_pooler(self, cluster: dict[str, Any] | None) -> bool:
        """Whether PgBouncer is between the web pods and PostgreSQL. It may lack its Deployment.

        Args:
            cluster: `database_cluster`, whose operator runs PgBouncer.
        """
        if cluster:
            return bool(self.kubectl.get(_CNPG_POOLERS, "-l", PART_OF)["items"])
        return bool(self.kubectl.get("services", "-l", f"app={POOLER},{PART_OF}")["items"])

    def database_cluster(self) -> dict[str, Any] | None:
        """The `Cluster` of CloudNativePG; None where the operator does not run the stack's PostgreSQL."""
        return next(iter(self._clusters()), None)

    def is_operated(self) -> bool:
        """Whether CloudNativePG runs the stack's PostgreSQL."""
        return self.database_cluster() is not None

    def secret(self, name: str) -> dict[str, str]:
        """Keys and values of a Secret."""
        data = self.kubectl.get("secret", name).get("data") or {}
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def secret_sources(self) -> dict[str, tuple[str, str]]:
        """Secret and key of every variable of the web pods that comes from a Secret, of the stack's own or another."""
        container = self.deployment()["spec"]["template"]["spec"]["containers"][0]
        references = {
            each["name"]: each["valueFrom"]["secretKeyRef"]
            for each in container["env"]
            if "secretKeyRef" in each.get("valueFrom", {})
        }
        return {name: (reference["name"], reference["key"]) for name, reference in references.items()}

    def administrator(self) -> Account:
        """The account that the stack created at its first start."""
        email = self.secret(open_webui.ADMIN_SECRET)[open_webui.ADMIN_EMAIL]
        stored = (open_webui.ADMIN_SECRET, open_webui.ADMIN_PASSWORD)
        secret, key = self.secret_sources().get("WEBUI_ADMIN_PASSWORD", stored)
        return Account(email=email, password=self.secret(secret)[key])

    def deployment(self) -> dict[str, Any]:
        """The Deployment of the web pods."""
        return self.kubectl.get("deployment", WEB)

    def leaving_seconds(self) -> int:
        """Time for a web pod to terminate: its grace period, and a minute for the cluster."""
        return int(self.deployment()["spec"]["template"]["spec"].get("terminationGracePeriodSeconds", 30)) + 60

    def variable(self, name: str) -> str:
        """Plain value of an environment variable of the web pods; empty when it is not set."""
        return variable_of(self.deployment(), name)

    def is_simulated(self) -> bool:
        """Whether the pods are on simulated nodes, where no container runs."""
        names = sorted({str(pod["spec"]["nodeName"]) for pod in self.pods(WEB) if pod["spec"].get("nodeName")})
        if not names:
            return False
        try:
            answer = self.kubectl.get("nodes", *names)
        except KubectlError as error:
            # Nodes are not in a namespace: a user with rights in one namespace, on a real cluster, cannot see them.
            if "forbidden" in str(error).lower():
                return False
            raise
        # kubectl prints one object as it is, several as a list.
        nodes = answer.get("items", [answer])
        return any(_SIMULATED_NODE in node["metadata"].get("annotations", {}) for node in nodes)


def variable_of(workload: dict[str, Any], name: str) -> str:
    """Plain value of an environment variable of the first container of a Deployment; empty when it is not set."""
    container = workload["spec"]["template"]["spec"]["containers"][0]
    return next((str(v.get("value", "")) for v in container["env"] if v["name"] == name), "")


def as_workload(cluster: dict[str, Any]) -> dict[str, Any]:
    """A `Cluster` of CloudNativePG with the fields of a StatefulSet. It is rolling out until its condition is Ready."""
    metadata, status = cluster["metadata"], cluster.get("status", {})
    observed = {"observedGeneration": metadata.get("generation", 0)} if is_ready(cluster) else {}
    return {
        "metadata": metadata,
        "spec": {"replicas": cluster["spec"]["instances"]},
        "status": {**observed, "readyReplicas": status.get("readyInstances", 0)},
    }


def is_ready(pod: dict[str, Any]) -> bool:
    """Whether a pod, or another object, has the condition Ready."""
    conditions = pod.get("status", {}).get("conditions") or []
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def why_not_ready(pod: dict[str, Any]) -> str:
    """Why a pod is not ready, in the cluster's words: ``CrashLoopBackOff``, ``Unschedulable``."""
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
    """Number of restarts of the containers of a pod."""
    status = pod["status"]
    containers = (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ()))
    return sum(int(container.get("restartCount", 0)) for container in containers)
