"""Probes: a command, an HTTP request or a connection, with its period and its threshold."""

from pulumi_kubernetes.core.v1 import ProbeArgsDict


def exec_probe(command: list[str], *, period_seconds: int, failure_threshold: int) -> ProbeArgsDict:
    """A command in the container. It ends after three seconds at most; the kubelet's timeout is five seconds.

    Args:
        command: exits with 0 if the container is healthy.
        period_seconds: seconds between two attempts.
        failure_threshold: failures in a row until the kubelet acts.
    """
    return _timed({"exec_": {"command": command}}, period_seconds, failure_threshold)


def http_probe(path: str, *, port: str, period_seconds: int, failure_threshold: int) -> ProbeArgsDict:
    """A GET request that has to answer with a status below 400 within five seconds (see `exec_probe`)."""
    return _timed({"http_get": {"path": path, "port": port}}, period_seconds, failure_threshold)


def tcp_probe(port: str, *, period_seconds: int, failure_threshold: int) -> ProbeArgsDict:
    """A connection that the server accepts; see `exec_probe`."""
    return _timed({"tcp_socket": {"port": port}}, period_seconds, failure_threshold)


def _timed(handler: ProbeArgsDict, period_seconds: int, failure_threshold: int) -> ProbeArgsDict:
    return {
        **handler,
        "period_seconds": period_seconds,
        "timeout_seconds": 5,
        "failure_threshold": failure_threshold,
    }
