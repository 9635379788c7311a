"""The load during a change, and what came of it."""

from stackctl.verify.load import Load

RATE, SOCKETS = 16.0, 6
"""Requests in a second, and websockets."""


def summary(outcome: Load) -> str:
    """Failed requests and the slowest return of a websocket, in a few words."""
    back = f"websockets back after {max(outcome.gaps):.2f} s" if outcome.gaps else "no websocket lost"
    gone = f", {outcome.disconnected} not at all" if outcome.disconnected else ""
    return f"{len(outcome.failures)} of {outcome.requests} requests failed; {back}{gone}"
