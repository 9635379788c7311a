"""How long a start takes, from what Kubernetes wrote down: the same question for any design."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from stackctl.deployed.stack import WEB, Stack


def first_start_seconds(stack: Stack) -> float:
    """From the first pod in the namespace to the last of its web pods that became ready; Kubernetes counts in seconds.

    The times of Pulumi and of the cluster's own start are not in it.
    """
    pods = stack.kubectl.get("pods")["items"]
    first = min(_time(pod["metadata"]["creationTimestamp"]) for pod in pods)
    return max((_ready(pod) - first).total_seconds() for pod in stack.ready(WEB))


def steps(stack: Stack) -> str:
    """When the first pod and each step of the web pods began and ended, in seconds after the first pod, for the log."""
    pods = stack.kubectl.get("pods")["items"]
    first = min(_time(pod["metadata"]["creationTimestamp"]) for pod in pods)
    lines = []
    for pod in sorted(pods, key=lambda each: str(each["metadata"]["creationTimestamp"])):
        times = [f"created {(_time(pod['metadata']['creationTimestamp']) - first).total_seconds():.0f}"]
        times += [f"{name} {(began - first).total_seconds():.0f}-{end}" for name, began, end in _containers(pod, first)]
        ready = [each for each in pod["status"].get("conditions", ()) if each["type"] == "Ready"]
        times += (
            [f"ready {(_ready(pod) - first).total_seconds():.0f}"] if ready and ready[0]["status"] == "True" else []
        )
        lines.append(f"{pod['metadata']['name']}: {', '.join(times)}")
    return "\n".join(lines)


def _containers(pod: Mapping[str, Any], first: datetime) -> Iterator[tuple[str, datetime, str]]:
    status = pod["status"]
    for each in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
        [(_, state)] = each["state"].items()
        if "startedAt" in state:
            ended = state.get("finishedAt")
            end = f"{(_time(ended) - first).total_seconds():.0f}" if ended else ""
            yield each["name"], _time(state["startedAt"]), end


def _ready(pod: Mapping[str, Any]) -> datetime:
    [condition] = [each for each in pod["status"]["conditions"] if each["type"] == "Ready"]
    return _time(condition["lastTransitionTime"])


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
