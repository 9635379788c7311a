"""Termination of a web pod, and the time limits that follow from it."""

import math

PRE_STOP_SECONDS = 10
"""Seconds before SIGTERM, in which every proxy learns that the pod terminates."""

GRACEFUL_SHUTDOWN_SECONDS = 40
"""Seconds after the drain: uvicorn's own wait for responses, which has no limit by default."""

MARGIN_SECONDS = 10
"""Seconds for the end of the process, after which the kubelet kills it."""

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
    """Maximum number of pods that terminate at the same time in a rolling update. The update waits until a new pod is
    ready, but not until an old pod has ended. So all old pods may still drain, but only as many as the update stops
    within one grace period, one every ``MIN_READY_SECONDS``.

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
