"""Scales up by one replica temporarily and restores the original count, with or without an autoscaler."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from host.waiting import attempts

from .check import CannotRunError, CheckError
from .kubectl import Kubectl
from .runs import is_orphaned, this_run
from .stack import WEB, Stack, is_ready

RECORD = "open-webui-stack/verify-scale"
"""Annotation of the Deployment while its replica count is changed: the original scale, and the run that changes it."""

_AUTOSCALER = "horizontalpodautoscaler"
_READY_SECONDS = 300
_POLL_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class Scale:
    """The scale of the web pods."""

    run: str
    """The run that changes the scale."""

    replicas: int
    """`spec.replicas` of the Deployment."""

    minimum: int | None = None
    """`spec.minReplicas` of the autoscaler, when there is one."""


@contextmanager
def one_more(stack: Stack) -> Iterator[Scale]:
    """One more ready replica while the body runs. Afterwards the original scale is set, without waiting.

    The original scale is written to the Deployment first: if this run is killed, the next run restores it.

    Yields:
        The original scale.

    Raises:
        CannotRunError: the autoscaler is at its maximum, or another run changes the scale.
        CheckError: the additional replica is not ready after five minutes.
    """
    before = _present(stack)
    _annotate(stack.kubectl, json.dumps(asdict(before)))
    try:
        _set(stack.kubectl, before.replicas + 1, None if before.minimum is None else before.replicas + 1)
        what = f"{before.replicas + 1} ready replicas"
        _wait(lambda: len(stack.ready(WEB)) > before.replicas, what, _READY_SECONDS, lambda: _without_a_node(stack))
        yield before
    finally:
        _restore(stack.kubectl, before)


def wait_until_left(stack: Stack, before: Scale) -> None:
    """Wait until the additional replica has terminated.

    Raises:
        CheckError: it still exists a minute after the end of its grace period.
    """

    def settled() -> bool:
        # An autoscaler may have changed the count for another reason by now.
        desired = before.replicas if before.minimum is None else int(stack.deployment()["spec"]["replicas"])
        pods = stack.kubectl.get("pods", "-l", f"app={WEB}")["items"]
        return len(pods) == desired and all(map(is_ready, pods))

    _wait(settled, "the additional replica has terminated", stack.leaving_seconds())


def restore_orphaned(stack: Stack) -> None:
    """Restore the scale that a killed run changed."""
    record = _record(stack.deployment())
    if record and is_orphaned(record.run):
        _restore(stack.kubectl, record)


def is_changed(stack: Stack) -> bool:
    """Whether a run has not restored the original replica count yet."""
    return _record(stack.deployment()) is not None


def _present(stack: Stack) -> Scale:
    deployment = stack.deployment()
    if record := _record(deployment):
        raise CannotRunError(f"another run is changing the replica count: {record.run}")
    replicas = int(deployment["spec"]["replicas"])
    autoscaler = _autoscaler(stack.kubectl)
    if not autoscaler:
        return Scale(run=str(this_run()), replicas=replicas)
    most = int(autoscaler["spec"]["maxReplicas"])
    if replicas >= most:
        raise CannotRunError(f"the autoscaler is at its maximum, {most} replicas")
    return Scale(run=str(this_run()), replicas=replicas, minimum=int(autoscaler["spec"].get("minReplicas", 1)))


def _record(deployment: dict[str, Any]) -> Scale | None:
    text = deployment["metadata"].get("annotations", {}).get(RECORD)
    return Scale(**json.loads(text)) if text else None


def _autoscaler(kubectl: Kubectl) -> dict[str, Any] | None:
    items: list[dict[str, Any]] = kubectl.get(_AUTOSCALER)["items"]
    return next((item for item in items if item["spec"]["scaleTargetRef"].get("name") == WEB), None)


def _set(kubectl: Kubectl, replicas: int, minimum: int | None) -> None:
    if minimum is not None:
        # An autoscaler scales up to its minimum at once. Without this patch it would remove the additional replica.
        patch = json.dumps({"spec": {"minReplicas": minimum}})
        kubectl.run("patch", _AUTOSCALER, WEB, "--type=merge", "--patch", patch)
    kubectl.run("scale", "deployment", WEB, f"--replicas={replicas}")


def _restore(kubectl: Kubectl, scale: Scale) -> None:
    # An autoscaler takes minutes to scale down, and without metrics it never does.
    _set(kubectl, scale.replicas, scale.minimum)
    _annotate(kubectl, None)


def _annotate(kubectl: Kubectl, text: str | None) -> None:
    change = f"{RECORD}-" if text is None else f"{RECORD}={text}"
    kubectl.run("annotate", "deployment", WEB, change, "--overwrite")


def _without_a_node(stack: Stack) -> str:
    """The scheduler's reasons for unschedulable web pods. An update needs room for one more pod as well."""
    pods = stack.kubectl.get("pods", "-l", f"app={WEB}")["items"]
    conditions = [condition for pod in pods for condition in pod["status"].get("conditions", ())]
    return "; ".join({c.get("message", "") for c in conditions if c.get("reason") == "Unschedulable"})


def _wait(holds: Callable[[], bool], what: str, seconds: float, why: Callable[[], str] = str) -> None:
    for _ in attempts(seconds=seconds, every=_POLL_SECONDS):
        if holds():
            return
    raise CheckError(": ".join(filter(None, (what, f"not within {seconds:g} s", why()))))
