"""Checks that run in the pods of the stack: Redis, names, health, log."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from components.redis import names as redis
from host.waiting import attempts

from ..deployed.check import CannotRunError, CheckError
from ..deployed.stack import WEB, WEB_PORT, Stack
from .parts import services
from .scripts import in_web_pod

HEALTH_PATHS = ("/health", "/health/db", "/ready")
LOG_LINE = "Using Redis to manage websockets"
_HEADLESS = ("", "None")
# After an interruption Socket.IO reconnects within a minute.
_SUBSCRIBED_SECONDS = 60.0
_POLL_SECONDS = 2.0
_LOG_BYTES = 2_000_000
_START_OF_A_LOG = timedelta(minutes=5)


def redis_answers(stack: Stack) -> str:
    """`redis-cli ping` in each Redis pod answers PONG, without a password."""
    if not stack.has_redis():
        raise CannotRunError("Redis is external: it has no pods here")
    pods = stack.ready(redis.APP)
    if not pods:
        raise CheckError("there is no ready Redis pod")
    for pod in pods:
        name, client = pod["metadata"]["name"], _client(pod)
        answer = stack.kubectl.run("exec", name, "-c", redis.APP, "--", *client, "ping").strip()
        if answer != "PONG":
            raise CheckError(f"{client[0]} ping answers {answer!r} in {name}")
    return f"PONG from {len(pods)} pods" if len(pods) > 1 else "PONG"


def _client(pod: dict[str, Any]) -> list[str]:
    """The command of the engine's client, with the options that the pod's scripts use, for TLS."""
    variables = {
        variable["name"]: variable.get("value", "")
        for container in pod["spec"].get("initContainers", [])
        for variable in container.get("env", [])
    }
    return [variables.get("CLIENT", "redis-cli"), *variables.get("CLIENT_OPTIONS", "").split()]


def redis_serves_the_application(stack: Stack) -> str:
    """Each replica writes, reads and publishes with both of its URLs; without credentials only PING is answered."""
    pods, own = web_pods(stack), stack.has_redis()
    for pod in pods:
        name, seen = pod["metadata"]["name"], in_web_pod(stack, pod, "redis_access.py", ask="access")
        for variable in ("REDIS_URL", "WEBSOCKET_REDIS_URL"):
            if seen[variable]:
                raise CheckError(f"{variable} of {name}: {seen[variable]}")
        if not own:
            continue
        if seen["ping"] != "PONG":
            raise CheckError(f"PING without credentials: {seen['ping']}")
        if seen["allowed"]:
            raise CheckError(f"without credentials Redis serves {', '.join(seen['allowed'])}")
    if not own:
        return f"{len(pods)} replicas are served by an external Redis"
    return f"{len(pods)} replicas are served; {seen['commands']} commands are refused without credentials"


def redis_carries_websockets(stack: Stack) -> str:
    """Socket.IO's channel has one subscriber for each replica."""
    for _ in attempts(seconds=_SUBSCRIBED_SECONDS, every=_POLL_SECONDS):
        pods = web_pods(stack)
        subscribers = in_web_pod(stack, pods[0], "redis_access.py", ask="subscribers")
        if subscribers == len(pods):
            return f"{subscribers} subscribers, {len(pods)} replicas"
        if not isinstance(subscribers, int):
            break
    message = f"{subscribers} subscribers of the channel socketio, but {len(pods)} replicas"
    if isinstance(subscribers, int) and subscribers > len(pods):
        message += ": another install uses the same Redis, and each receives the events of the other"
    raise CheckError(message)


def names_resolve(stack: Stack) -> str:
    """In each web pod the names of the Services resolve to their addresses."""
    known = stack.addresses()
    for pod in web_pods(stack):
        resolved = in_web_pod(stack, pod, "names.py", names=services(stack))
        for name, addresses in resolved.items():
            if not addresses:
                raise CheckError(f"no address for {name} in {pod['metadata']['name']}")
            if known.get(name, "") not in (*_HEADLESS, *addresses):
                raise CheckError(f"{name} resolves to {', '.join(addresses)}, but the Service has {known[name]}")
    return ", ".join(f"{name} {addresses[0]}" for name, addresses in resolved.items())


def replicas_are_healthy(stack: Stack) -> str:
    """Every health endpoint of every replica answers 200."""
    pods = web_pods(stack)
    for pod in pods:
        for path in HEALTH_PATHS:
            url = f"http://127.0.0.1:{WEB_PORT}{path}"
            answer = in_web_pod(stack, pod, "http_request.py", method="GET", url=url)
            if answer["status"] != 200:
                outcome = f"status {answer['status']}" if answer["status"] else f"no answer ({answer['reason']})"
                raise CheckError(f"{path} of {pod['metadata']['name']}: {outcome}")
    return f"{', '.join(HEALTH_PATHS)} of {len(pods)} replicas"


def log_names_redis(stack: Stack) -> str:
    """The log of each replica has the line `Using Redis to manage websockets`."""
    level = stack.variable("GLOBAL_LOG_LEVEL") or "INFO"
    if level != "DEBUG":
        raise CannotRunError(f"Open WebUI writes the line at log level DEBUG; the level here is {level}")
    pods = web_pods(stack)
    for pod in pods:
        name = pod["metadata"]["name"]
        log = stack.kubectl.run("logs", name, "-c", WEB, "--timestamps", f"--limit-bytes={_LOG_BYTES}")
        if LOG_LINE not in log:
            raise _unsaid(name, _started(pod), log)
    return f"{len(pods)} replicas: {LOG_LINE}"


def web_pods(stack: Stack) -> list[dict[str, Any]]:
    """The ready web pods.

    Raises:
        CheckError: there is no ready web pod.
    """
    pods = stack.ready(WEB)
    if not pods:
        raise CheckError("there is no ready web pod")
    return pods


def _unsaid(name: str, started: datetime, log: str) -> CheckError | CannotRunError:
    """The error for a log without the line. A rotated log, which lacks its start, neither passes nor fails."""
    try:
        first = _time(log.partition(" ")[0])
    except ValueError:
        # Not a line of the container: a message of the node, or nothing.
        return CheckError(f"the log of {name} cannot be read: {log.strip()[:200] or 'it is empty'}")
    if first - started > _START_OF_A_LOG:
        return CannotRunError(f"the log of {name} no longer has its start")
    return CheckError(f"the log of {name} lacks the line: {LOG_LINE}")


def _started(pod: dict[str, Any]) -> datetime:
    (container,) = [c for c in pod["status"]["containerStatuses"] if c["name"] == WEB]
    return _time(container["state"]["running"]["startedAt"])


def _time(text: str) -> datetime:
    # RFC 3339 with up to nanoseconds, in UTC or with the offset of this machine.
    return datetime.fromisoformat(re.sub(r"\.\d+", "", text)).astimezone(UTC)
