"""One replica more for a while, and the number of before again, whoever decides about it."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from host.waiting import attempts

from .check import CannotRunError, CheckError
from .kubectl import Kubectl
from .runs import is_left_over, this_run
from .stack import WEB, Stack, is_ready

RECORD = "open-webui-stack/verify-scale"
"""Annotation of the Deployment while its number is changed: what it has to be again, and who owes that."""

_AUTOSCALER = "horizontalpodautoscaler"
_READY_SECONDS = 300
_POLL_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class Scale:
    """What decides about the number of replicas."""

    run: str
    """The run that changes it."""

    replicas: int
    """`spec.replicas` of the Deployment."""

    minimum: int | None = None
    """`spec.minReplicas` of the autoscaler, when there is one."""


@contextmanager
def one_more(stack: Stack) -> Iterator[Scale]:
    """One replica more, ready, while the body runs. The number of before is set afterwards, and not waited for.

    What has to be restored is written to the Deployment first, so that the next run can do it after a kill.

    Yields:
        The scale of before.

    Raises:
        CannotRunError: the autoscaler allows no more, or another run is at it.
        CheckError: the further replica is not ready after five minutes.
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
    """Wait until the further replica has left.

    Raises:
        CheckError: it is still there a minute after the end of its grace period.
    """

    def settled() -> bool:
        # An autoscaler may have found a reason of its own to change the number by now.
        wanted = before.replicas if before.minimum is None else int(stack.deployment()["spec"]["replicas"])
        pods = stack.kubectl.get("pods", "-l", f"app={WEB}")["items"]
        return len(pods) == wanted and all(map(is_ready, pods))

    _wait(settled, "the further replica has left", stack.leaving_seconds())


def restore_left_over(stack: Stack) -> None:
    """Set the number that a run that was killed has changed."""
    record = _record(stack.deployment())
    if record and is_left_over(record.run):
        _restore(stack.kubectl, record)


def is_changed(stack: Stack) -> bool:
    """Whether a run still owes the number of before."""
    return _record(stack.deployment()) is not None


def _present(stack: Stack) -> Scale:
    deployment = stack.deployment()
    if record := _record(deployment):
        raise CannotRunError(f"another run changes the number of replicas at this moment: {record.run}")
    replicas = int(deployment["spec"]["replicas"])
    autoscaler = _autoscaler(stack.kubectl)
    if not autoscaler:
        return Scale(run=str(this_run()), replicas=replicas)
    most = int(autoscaler["spec"]["maxReplicas"])
    if replicas >= most:
        raise CannotRunError(f"the autoscaler is at its most, {most} replicas")
    return Scale(run=str(this_run()), replicas=replicas, minimum=int(autoscaler["spec"].get("minReplicas", 1)))


def _record(deployment: dict[str, Any]) -> Scale | None:
    text = deployment["metadata"].get("annotations", {}).get(RECORD)
    return Scale(**json.loads(text)) if text else None


def _autoscaler(kubectl: Kubectl) -> dict[str, Any] | None:
    items: list[dict[str, Any]] = kubectl.get(_AUTOSCALER)["items"]
    return next((item for item in items if item["spec"]["scaleTargetRef"].get("name") == WEB), None)


def _set(kubectl: Kubectl, replicas: int, minimum: int | None) -> None:
    if minimum is not None:
        # Below its minimum an autoscaler goes up at once; without this it would take the further replica away again.
        patch = json.dumps({"spec": {"minReplicas": minimum}})
        kubectl.run("patch", _AUTOSCALER, WEB, "--type=merge", "--patch", patch)
    kubectl.run("scale", "deployment", WEB, f"--replicas={replicas}")


def _restore(kubectl: Kubectl, scale: Scale) -> None:
    # An autoscaler would take minutes to go down, and does not at all without metrics.
    _set(kubectl, scale.replicas, scale.minimum)
    _annotate(kubectl, None)


def _annotate(kubectl: Kubectl, text: str | None) -> None:
    change = f"{RECORD}-" if text is None else f"{RECORD}={text}"
    kubectl.run("annotate", "deployment", WEB, change, "--overwrite")


def _without_a_node(stack: Stack) -> str:
    """What the scheduler says of web pods that it finds no node for; an update needs room for one more as well."""
    pods = stack.kubectl.get("pods", "-l", f"app={WEB}")["items"]
    conditions = [condition for pod in pods for condition in pod["status"].get("conditions", ())]
    return "; ".join({c.get("message", "") for c in conditions if c.get("reason") == "Unschedulable"})


def _wait(holds: Callable[[], bool], what: str, seconds: float, why: Callable[[], str] = str) -> None:
    for _ in attempts(seconds=seconds, every=_POLL_SECONDS):
        if holds():
            return
    raise CheckError(": ".join(filter(None, (what, f"not within {seconds:g} s", why()))))
