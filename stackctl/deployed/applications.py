"""The applications of a stack: their images, and how many of their pods are ready."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .stack import Stack, is_ready, restarts, why_not_ready

_LOOPS = "CrashLoopBackOff"


@dataclass(frozen=True, kw_only=True)
class Application:
    """One application of the stack and its pods."""

    app: str
    """Label `app`: ``open-webui``, ``redis``, ``postgres``."""

    kind: str
    """``Deployment``, ``StatefulSet`` or ``Cluster``."""

    images: tuple[str, ...]
    """Images of the pods; several during a rollout, those of the pod template without a pod."""

    ready: int
    replicas: int
    """Pods that the workload asks for."""

    restarts: int
    not_ready: tuple[str, ...]
    """Pods that are not ready, and why: ``open-webui-7f9c open-webui: ImagePullBackOff``."""

    restart_loops: tuple[str, ...]
    """Pods that the kubelet restarts again and again."""


def applications(stack: Stack, workloads: Mapping[str, dict[str, Any]]) -> tuple[Application, ...]:
    """The applications by name. An external server is not one.

    Args:
        stack: whose pods to read.
        workloads: its `workloads`.

    Raises:
        KubectlError: the cluster does not answer.
    """
    return tuple(_application(stack, app, workload) for app, workload in sorted(workloads.items()))


def _application(stack: Stack, app: str, workload: dict[str, Any]) -> Application:
    pods = stack.pods(app)
    waiting = [pod for pod in pods if not is_ready(pod)]
    template = workload["spec"].get("template")
    specs = [pod["spec"] for pod in pods if pod["spec"].get("containers")] or ([template["spec"]] if template else [])
    return Application(
        app=app,
        kind=workload.get("kind", "Cluster"),
        images=tuple(sorted({_image(spec, app) for spec in specs})),
        ready=len(pods) - len(waiting),
        replicas=int(workload["spec"].get("replicas", 1)),
        restarts=sum(map(restarts, pods)),
        not_ready=tuple(f"{pod['metadata']['name']} {why_not_ready(pod)}" for pod in waiting),
        restart_loops=tuple(loop for pod in pods for loop in _restart_loops(pod)),
    )


def _image(spec: dict[str, Any], app: str) -> str:
    containers = spec["containers"]
    return str(next((each["image"] for each in containers if each["name"] == app), containers[0]["image"]))


def _restart_loops(pod: dict[str, Any]) -> list[str]:
    status = pod["status"]
    containers = (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ()))
    names = [each["name"] for each in containers if each.get("state", {}).get("waiting", {}).get("reason") == _LOOPS]
    return [f"{pod['metadata']['name']} {name}" for name in names]
