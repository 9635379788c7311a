"""How long a start takes, from what Kubernetes wrote down: the same question for any design."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from stackctl.deployed.stack import WEB, Stack, is_ready


def first_start(stack: Stack) -> float:
    """Seconds from the first pod in the namespace to the last of its web pods that became ready; prints all steps.

    Kubernetes counts in seconds. The times of Pulumi and of the cluster's own start are not in it.
    """
    pods = sorted(stack.kubectl.get("pods")["items"], key=lambda each: str(each["metadata"]["creationTimestamp"]))
    first = _time(pods[0]["metadata"]["creationTimestamp"])
    print("\n".join(_steps(pod, first) for pod in pods))
    web = [pod for pod in pods if pod["metadata"]["labels"].get("app") == WEB and is_ready(pod)]
    return max((ready_at(pod) - first).total_seconds() for pod in web)


def first_pod_at(stack: Stack) -> float:
    """When the first pod in the namespace was created, in seconds since the epoch."""
    return min(_time(pod["metadata"]["creationTimestamp"]) for pod in stack.kubectl.get("pods")["items"]).timestamp()


def _steps(pod: dict[str, Any], first: datetime) -> str:
    """When the pod was created and its containers began and ended, in seconds after the first pod."""
    times = [f"created {(_time(pod['metadata']['creationTimestamp']) - first).total_seconds():.0f}"]
    times += [f"{name} {(began - first).total_seconds():.0f}-{end}" for name, began, end in _containers(pod, first)]
    if is_ready(pod):
        times.append(f"ready {(ready_at(pod) - first).total_seconds():.0f}")
    return f"{pod['metadata']['name']}: {', '.join(times)}"


def _containers(pod: Mapping[str, Any], first: datetime) -> Iterator[tuple[str, datetime, str]]:
    status = pod["status"]
    for each in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
        [(_, state)] = each["state"].items()
        if "startedAt" in state:
            ended = state.get("finishedAt")
            end = f"{(_time(ended) - first).total_seconds():.0f}" if ended else ""
            yield each["name"], _time(state["startedAt"]), end


def ready_at(pod: Mapping[str, Any]) -> datetime:
    """When a ready pod became ready."""
    [condition] = [each for each in pod["status"]["conditions"] if each["type"] == "Ready"]
    return _time(condition["lastTransitionTime"])


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
