"""Stopping the web pods while the database is replaced, and restoring the original replica count afterwards."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from host.waiting import attempts
from terminal.console import step
from terminal.errors import LocalError
from terminal.invocation import command_line

from .scaling import is_changed
from .stack import WEB, Stack, is_ready, why_not_ready

RECORD = "open-webui-stack/restore-replicas"
"""Annotation of the Deployment while its pods are stopped: the original replica count."""

_READY_SECONDS = 600
_POLL_SECONDS = 1


@contextmanager
def stopped(stack: Stack) -> Iterator[int]:
    """Stop every web pod while the body runs. Afterwards start them and wait until they are ready, also on failure.

    An autoscaler ignores a Deployment without replicas, and resumes when there are some:
    https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/#implicit-maintenance-mode-deactivation

    The count is written to the Deployment first: after a restore that was killed, the next one restores it.

    Yields:
        The original replica count.

    Raises:
        LocalError: a check is changing the count, a pod does not terminate, or does not become ready.
    """
    if is_changed(stack):
        raise LocalError(
            f"`{command_line('verify')}` is changing the number of replicas. Nothing was changed; try again."
        )
    replicas = _replicas(stack.deployment())
    stack.kubectl.run("annotate", "deployment", WEB, f"{RECORD}={replicas}", "--overwrite")
    try:
        with step(f"stop {replicas} web pods", 30) as progress:
            _scale(stack, 0)
            _wait(
                lambda: not _pods(stack),
                "the web pods have not terminated",
                stack.leaving_seconds(),
                lambda: progress("terminating"),
            )
        yield replicas
    finally:
        with step(f"start {replicas} web pods", 60) as progress:
            _scale(stack, replicas)
            stack.kubectl.run("annotate", "deployment", WEB, f"{RECORD}-")
            _wait(
                lambda: _are_ready(stack, replicas), "the web pods are not ready", _READY_SECONDS, _why(stack, progress)
            )


def _replicas(deployment: dict[str, Any]) -> int:
    record = deployment["metadata"].get("annotations", {}).get(RECORD)
    return int(record if record is not None else deployment["spec"]["replicas"])


def _scale(stack: Stack, replicas: int) -> None:
    stack.kubectl.run("scale", "deployment", WEB, f"--replicas={replicas}")


def _pods(stack: Stack) -> list[dict[str, Any]]:
    """Pods of the Deployment, terminating ones included: they stay connected to the database until they are gone."""
    pods: list[dict[str, Any]] = stack.kubectl.get("pods", "-l", f"app={WEB},pod-template-hash")["items"]
    return [pod for pod in pods if pod["status"].get("phase") not in ("Succeeded", "Failed")]


def _are_ready(stack: Stack, replicas: int) -> bool:
    return len([pod for pod in _pods(stack) if is_ready(pod)]) >= replicas


def _why(stack: Stack, progress: Callable[[str], None]) -> Callable[[], None]:
    def report() -> None:
        waiting = {why_not_ready(pod) for pod in _pods(stack) if not is_ready(pod)}
        progress(", ".join(sorted(waiting)) or "starting")

    return report


def _wait(holds: Callable[[], bool], what: str, seconds: float, report: Callable[[], None]) -> None:
    for _ in attempts(seconds=seconds, every=_POLL_SECONDS):
        if holds():
            return
        report()
    raise LocalError(f"{what} after {seconds:g} s. Look at: kubectl describe pods -l app={WEB}")
