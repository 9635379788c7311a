"""What kubectl shows of a stack: objects, events, and the last lines of the logs. Everything is only read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from components.backup.names import APP as BACKUP
from components.open_webui.names import APP as WEB
from components.open_webui.names import PREFLIGHT
from components.postgresql.names import APP as POSTGRESQL
from components.redis.names import APP as REDIS

from ..deployed.check import CheckError
from ..deployed.exposure import exposure_is_accepted
from ..deployed.kubectl import KubectlError
from ..deployed.stack import Stack, restarts

Object = dict[str, Any]

_LOGGED = (WEB, PREFLIGHT, POSTGRESQL, REDIS, BACKUP)
"""Applications whose logs contain symptoms."""

_LINES = 200


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The state that the rules look at."""

    at: datetime
    """When it was read, in UTC."""

    deployment: Object
    """The Deployment of the web pods."""

    pods: tuple[Object, ...] = ()
    """Pods of the namespace, without terminating ones."""

    jobs: tuple[Object, ...] = ()
    events: tuple[Object, ...] = ()
    volume_claims: tuple[Object, ...] = ()
    exposure: str = ""
    """Why the exposure is not accepted; empty if it is."""

    logs: Mapping[str, str] = field(default_factory=dict)
    """The last lines of all containers, by the name of the pod."""

    def of(self, app: str) -> list[Object]:
        """The pods with the label ``app``, the newest first."""
        pods = [pod for pod in self.pods if pod["metadata"].get("labels", {}).get("app") == app]
        return sorted(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")), reverse=True)

    def lines(self, *apps: str) -> Iterator[tuple[str, str]]:
        """Name of the pod and line of its log, for the pods of the applications."""
        for app in apps:
            for pod in self.of(app):
                name = str(pod["metadata"]["name"])
                for line in self.logs.get(name, "").splitlines():
                    yield name, line


def collect(stack: Stack) -> Evidence:
    """Read the state of a stack.

    Raises:
        KubectlError: the cluster does not answer.
    """
    kubectl = stack.kubectl
    pods = tuple(pod for pod in kubectl.get("pods")["items"] if not pod["metadata"].get("deletionTimestamp"))
    return Evidence(
        at=datetime.now(UTC),
        deployment=stack.deployment(),
        pods=pods,
        jobs=tuple(kubectl.get("jobs")["items"]),
        events=tuple(kubectl.get("events")["items"]),
        volume_claims=tuple(kubectl.get("pvc")["items"]),
        exposure=_exposure(stack),
        logs={} if stack.is_simulated() else dict(_logs(stack, pods)),
    )


def _exposure(stack: Stack) -> str:
    try:
        exposure_is_accepted(stack)
    except CheckError as error:
        return str(error)
    return ""


def _logs(stack: Stack, pods: tuple[Object, ...]) -> Iterator[tuple[str, str]]:
    for pod in pods:
        if pod["metadata"].get("labels", {}).get("app") not in _LOGGED:
            continue
        name = str(pod["metadata"]["name"])
        # The reason of a restart is in the log of the container before.
        before = _log(stack, name, "--previous") if restarts(pod) else ""
        yield name, before + _log(stack, name)


def _log(stack: Stack, pod: str, *options: str) -> str:
    words = ("logs", pod, "--all-containers", "--ignore-errors", f"--tail={_LINES}", *options)
    try:
        return stack.kubectl.run(*words)
    except KubectlError:
        # No container has started yet, or the pod was deleted meanwhile.
        return ""
