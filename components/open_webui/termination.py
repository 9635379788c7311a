"""Termination of a web pod, and the time limits that follow from it."""

import math

PRE_STOP_SECONDS = 10
"""Before SIGTERM: long enough for every proxy to have read that the pod is leaving."""

GRACEFUL_SHUTDOWN_SECONDS = 40
"""After the drain: uvicorn's own wait for responses, which it would extend without bound."""

MARGIN_SECONDS = 10
"""For the end of the process. After it the kubelet kills it."""

MIN_READY_SECONDS = 10
"""How long a new pod is ready before a rolling update stops the next old one."""

_DELETION_MARGIN_SECONDS = 420


def grace_seconds(drain_seconds: int) -> int:
    """``terminationGracePeriodSeconds`` of a web pod.

    Args:
        drain_seconds: longest drain, ``openWebui.drainSeconds``.
    """
    return PRE_STOP_SECONDS + drain_seconds + GRACEFUL_SHUTDOWN_SECONDS + MARGIN_SECONDS


def leaving_pods(replicas: int, drain_seconds: int) -> int:
    """Pods of a rolling update that may be leaving at the same time.

    The update waits until a new pod is ready, and not until an old one has left. So all old pods may still be draining,
    but no more than can be stopped within one grace period, ``MIN_READY_SECONDS`` after each other.

    Args:
        replicas: most replicas.
        drain_seconds: longest drain.
    """
    return min(replicas, math.ceil(grace_seconds(drain_seconds) / MIN_READY_SECONDS))


def deletion_timeout(drain_seconds: int) -> str:
    """How long Pulumi waits until the pods of a deleted Deployment are gone.

    Args:
        drain_seconds: longest drain.
    """
    return f"{grace_seconds(drain_seconds) + _DELETION_MARGIN_SECONDS}s"
