"""What is checked, one function each. A check returns what it saw, or raises `CheckError`."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic, sleep
from urllib.parse import urlsplit

from .client_pod import client_pod
from .kubectl import Kubectl
from .load import load
from .stack import SCRIPTS, WEB, Account, Stack

APPS = ("redis", "postgres", WEB)
HEALTH_PATHS = ("/health", "/health/db", "/ready")
NAMES = ("redis-service", "postgres", WEB)
SECRET_KEYS = {
    "redis-config": ("cache-url", "websocket-url"),
    "postgresql-secret": ("database-url",),
    "openwebui-secret": ("secret-key",),
}
_RATE = 5.0
_ROLLOUT_SECONDS = 300
_LEAVING_SECONDS = 120


class CheckError(Exception):
    """Something is not as it has to be."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check."""

    name: str
    """What holds when it passes."""

    run: Callable[[Stack], str]
    """Looks, and says in a few words what it saw."""

    look_at: str
    """A command that shows more when it fails; ``{kubectl}`` is kubectl with the cluster and the namespace."""

    runs_in_pods: bool = True
    """Whether it needs containers that run, which simulated pods do not have."""


def pods_are_ready(stack: Stack) -> str:
    """Every pod of every part is ready."""
    seen = []
    for app in APPS:
        pods, ready = stack.pods(app), stack.ready(app)
        if not pods or len(ready) < len(pods):
            raise CheckError(f"{app}: {len(ready)} of {len(pods)} pods are ready")
        seen.append(f"{app} {len(ready)}")
    return ", ".join(seen)


def secrets_are_there(stack: Stack) -> str:
    """Each Secret has its keys, and the URLs in them name the stack's own servers."""
    for name, keys in SECRET_KEYS.items():
        values = stack.secret(name)
        if missing := [key for key in keys if not values.get(key)]:
            raise CheckError(f"Secret {name} lacks {', '.join(missing)}")
        for key in (key for key in keys if key.endswith("-url")):
            url = urlsplit(values[key])
            if not (url.hostname and url.password):
                raise CheckError(f"Secret {name}: {key} names no host, or no password")
    return ", ".join(SECRET_KEYS)


def redis_answers(stack: Stack) -> str:
    """`redis-cli ping` in the Redis pod answers PONG."""
    pod = stack.ready("redis")[0]["metadata"]["name"]
    answer = stack.kubectl.run("exec", pod, "-c", "redis", "--", "redis-cli", "ping").strip()
    if answer != "PONG":
        raise CheckError(f"redis-cli ping answered {answer!r}, not PONG")
    return answer


def redis_serves_the_application(stack: Stack) -> str:
    """Both URLs write and read; without credentials PING is all there is."""
    seen = stack.in_web_pod(stack.ready(WEB)[0], "redis_access.py")
    if unserved := [name for name in ("REDIS_URL", "WEBSOCKET_REDIS_URL") if not seen[name]]:
        raise CheckError(f"what was written was not read back with {', '.join(unserved)}")
    if not seen["ping"]:
        raise CheckError("PING without credentials is not answered")
    if allowed := [command for command, refused in seen["refused"].items() if not refused]:
        raise CheckError(f"without credentials Redis serves {', '.join(allowed)}")
    return f"refused without credentials: {', '.join(seen['refused'])}"


def names_resolve(stack: Stack) -> str:
    """The names of the Services resolve in a web pod."""
    addresses = stack.in_web_pod(stack.ready(WEB)[0], "names.py", names=NAMES)
    if unknown := [name for name, address in addresses.items() if not address]:
        raise CheckError(f"no address for {', '.join(unknown)}")
    return ", ".join(f"{name} {address}" for name, address in addresses.items())


def redis_carries_websockets(stack: Stack) -> str:
    """Every replica listens to Socket.IO's channel."""
    replicas = len(stack.ready(WEB))
    subscribers = stack.in_web_pod(stack.ready(WEB)[0], "redis_access.py")["subscribers"]
    if subscribers != replicas:
        raise CheckError(f"{subscribers} subscribers of the channel socketio, but {replicas} replicas")
    return f"{subscribers} subscribers, {replicas} replicas"


def replicas_are_healthy(stack: Stack) -> str:
    """Every health endpoint of every replica answers 200."""
    for pod in stack.ready(WEB):
        for path, code in stack.in_web_pod(pod, "health.py", paths=HEALTH_PATHS).items():
            if code != 200:
                raise CheckError(f"{pod['metadata']['name']}{path} answers {code}")
    return ", ".join(HEALTH_PATHS)


def replicas_share_sessions(account: Account | None) -> Callable[[Stack], str]:
    """Sign in on one replica, go on at the other; sign out at one, be refused by the other; events cross."""

    def run(stack: Stack) -> str:
        pods = stack.ready(WEB)
        if len(pods) < 2:
            raise CheckError("one replica: there is no other one to share with")
        administrator = account or stack.administrator()
        addresses = [pod["status"]["podIP"] for pod in pods[:2]]
        with client_pod(stack) as client:
            config = {"addresses": addresses, "email": administrator.email, "password": administrator.password}
            seen = stack.kubectl.python(client, SCRIPTS / "sessions.py", config, container="client", seconds=120)
        if seen["administrator"] != 200:
            raise CheckError(
                f"{administrator.email} cannot sign in (status {seen['administrator']}): when its password was changed "
                "in the web interface, give the new one with --admin-password-file"
            )
        if seen["signed_in"] != 200:
            raise CheckError(f"signed in on one replica, the other answers {seen['signed_in']}")
        if not seen["event"]:
            raise CheckError("an event that was posted to one replica did not reach a websocket of the other")
        if seen["signed_out"] != [200, 401, "disconnected"]:
            before, after, websocket = seen["signed_out"]
            raise CheckError(
                f"after signing out on the other replica: status {after} (200 before: {before}), websocket {websocket}"
            )
        return "sign-in, sign-out and events cross"

    return run


def scaling_loses_nothing(stack: Stack) -> str:
    """One replica more and back, under requests through the Service, of which none fails."""
    kubectl, replicas = stack.kubectl, stack.deployment()["spec"]["replicas"]
    autoscaler = kubectl.get("horizontalpodautoscaler")["items"]
    with client_pod(stack) as client, load(stack, client, rate=_RATE) as outcome:
        try:
            _scale(kubectl, replicas + 1, autoscaled=bool(autoscaler))
        finally:
            _scale(kubectl, replicas, autoscaled=bool(autoscaler))
    if outcome.failures:
        raise CheckError(
            f"{len(outcome.failures)} of {outcome.requests} requests failed: {outcome.failures[0]['what']}"
        )
    if not outcome.requests:
        raise CheckError("no request was made")
    return f"{replicas} → {replicas + 1} → {replicas}, {outcome.requests} requests, none failed"


def _scale(kubectl: Kubectl, replicas: int, *, autoscaled: bool) -> None:
    if autoscaled:
        # The autoscaler would take back what is not its own minimum.
        patch = f'{{"spec": {{"minReplicas": {replicas}}}}}'
        kubectl.run("patch", "horizontalpodautoscaler", WEB, "--type=merge", "--patch", patch)
    kubectl.run("scale", "deployment", WEB, f"--replicas={replicas}")
    status = ("rollout", "status", f"deployment/{WEB}", f"--timeout={_ROLLOUT_SECONDS}s")
    kubectl.run(*status, seconds=_ROLLOUT_SECONDS + 10)
    # A pod that leaves still serves what it has begun: wait for its end.
    deadline = monotonic() + _LEAVING_SECONDS
    while len(kubectl.get("pods", "-l", f"app={WEB}")["items"]) > replicas:
        if monotonic() > deadline:
            raise CheckError(f"a pod has not left after {_LEAVING_SECONDS} s")
        sleep(0.5)


def all_checks(account: Account | None = None) -> tuple[Check, ...]:
    """Every check, in the order in which one explains the next.

    Args:
        account: of the administrator, when its password is not the generated one any more.
    """
    return (
        Check(
            name="pods are ready",
            run=pods_are_ready,
            look_at="{kubectl} describe pods; {kubectl} get events --sort-by=.lastTimestamp",
            runs_in_pods=False,
        ),
        Check(name="Secrets are complete", run=secrets_are_there, look_at="{kubectl} get secrets", runs_in_pods=False),
        Check(name="Redis answers PONG", run=redis_answers, look_at="{kubectl} logs -l app=redis"),
        Check(
            name="Redis serves the application and nobody else",
            run=redis_serves_the_application,
            look_at="{kubectl} get secret redis-acl redis-config; {kubectl} logs -l app=redis",
        ),
        Check(
            name="names resolve in a web pod",
            run=names_resolve,
            look_at="{kubectl} get services,networkpolicies; kubectl get pods -n kube-system -l k8s-app=kube-dns",
        ),
        Check(
            name="Redis carries the websockets",
            run=redis_carries_websockets,
            look_at="{kubectl} logs -l app=open-webui | grep -i websocket",
        ),
        Check(
            name="every replica is healthy",
            run=replicas_are_healthy,
            look_at="{kubectl} logs -l app=open-webui -c open-webui",
        ),
        Check(
            name="replicas share sessions",
            run=replicas_share_sessions(account),
            look_at="{kubectl} logs -l app=open-webui -c open-webui; {kubectl} logs -l app=redis",
        ),
        Check(
            name="scaling fails no request",
            run=scaling_loses_nothing,
            look_at="{kubectl} describe deployment open-webui; {kubectl} get resourcequota",
        ),
    )
