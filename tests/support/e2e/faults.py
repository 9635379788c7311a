"""Faults of a node, caused on purpose. Each function returns when the fault is over."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from host.waiting import attempts
from stackctl.deployed.kubectl import KubectlError
from stackctl.deployed.stack import WEB, Stack, is_ready
from tests.support.e2e import containers
from tests.support.e2e.observation import SCRIPTS, Observation, observed

Fault = Callable[[Stack], None]
STOPPED_SECONDS = 60
FULL_SECONDS = 20
_READY_SECONDS = 240


def observed_fault(
    stack: Stack, client: str, token: str, fault: Fault, until_restored: Callable[[], object]
) -> tuple[Observation, float]:
    """Use a stack before, during and after a fault.

    Args:
        stack: in which it happens.
        client: name of the client pod.
        token: of a signed-in user.
        fault: its cause.
        until_restored: returns when the stack is as before.

    Returns:
        The observation, and when the fault began (seconds since the epoch).
    """
    with observed(stack, client, token) as seen:
        time.sleep(SETTLING_SECONDS)
        began = time.time()
        fault(stack)
        # The cluster notices after a moment that a pod is not ready any more.
        time.sleep(SETTLING_SECONDS)
        until_restored()
        time.sleep(SETTLING_SECONDS)
    return seen, began


def kill(app: str, container: str) -> Fault:
    """The processes of one pod's container end at once, as when the kernel needs memory."""

    def fault(stack: Stack) -> None:
        containers.send(stack.ready(app)[0], container, signal.SIGKILL)

    return fault


def stop(app: str, container: str, seconds: float = STOPPED_SECONDS) -> Fault:
    """The processes of one pod's container do nothing, as on a node that is overloaded; then they go on."""

    def fault(stack: Stack) -> None:
        processes = containers.processes(stack.ready(app)[0], container)
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        time.sleep(seconds)
        for process in processes:
            # The kubelet may have ended it in the meantime.
            if Path(f"/proc/{process}").exists():
                os.kill(process, signal.SIGCONT)

    return fault


_CUT = """
table inet cut {
  chain input { type filter hook input priority raw; policy drop; iifname "lo" accept; }
  chain output { type filter hook output priority raw; policy drop; oifname "lo" accept; }
}
"""


def cut_network(app: str, container: str, seconds: float = STOPPED_SECONDS) -> Fault:
    """One pod gets no packet and sends none, as on a node that lost its network; the other ends are not told."""

    def fault(stack: Stack) -> None:
        process = containers.processes(stack.ready(app)[0], container)[0]
        # The namespace outlives a container that the kubelet ends in the meantime.
        namespace = os.open(f"/proc/{process}/ns/net", os.O_RDONLY)
        enter = ["nsenter", f"--net=/proc/self/fd/{namespace}", "nft"]
        try:
            subprocess.run([*enter, "-f", "-"], input=_CUT, text=True, check=True, pass_fds=[namespace])
            time.sleep(seconds)
            subprocess.run([*enter, "delete", "table", "inet", "cut"], check=True, pass_fds=[namespace])
        finally:
            os.close(namespace)

    return fault


def drain(stack: Stack) -> None:
    """Every pod is evicted, one after the other, as `kubectl drain` does: where a budget says no, again later."""
    for app in (WEB, "redis", "postgres"):
        for pod in stack.pods(app):
            evict(stack, pod["metadata"]["name"])


def evict(stack: Stack, name: str) -> None:
    """Evict a pod; where a budget says no, again later."""
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    path = f"/api/v1/namespaces/{stack.kubectl.namespace}/pods/{name}/eviction"
    for _ in attempts(seconds=_READY_SECONDS, every=1):
        try:
            stack.kubectl.run("create", "--raw", path, "-f", "-", stdin=json.dumps(eviction))
        except KubectlError as error:
            if "disruption budget" not in str(error):
                raise
        else:
            return
    raise AssertionError(f"the disruption budget refuses to evict {name} for {_READY_SECONDS} s")


def fill_redis(megabytes: int) -> Fault:
    """Redis has no room left for a while.

    Args:
        megabytes: more than its maxmemory.
    """

    def fault(stack: Stack) -> None:
        try:
            filled, held = redis_pressure(stack, ("fill", megabytes), ("hold", FULL_SECONDS))
        finally:
            redis_pressure(stack, ("empty", megabytes))
        assert filled["answer"], "Redis took everything: it is not full"
        assert held["refusals"] > FULL_SECONDS, "Redis had room again"

    return fault


def redis_pressure(stack: Stack, *steps: tuple[str, int]) -> list[dict[str, Any]]:
    """Fill, empty or publish, from a web pod."""
    pod = stack.ready(WEB)[0]["metadata"]["name"]
    script = SCRIPTS / "redis_pressure.py"
    measured: list[dict[str, Any]] = stack.kubectl.python(pod, script, {"steps": steps}, container=WEB, seconds=180)
    return measured


def fill_postgresql_volume(stack: Stack) -> None:
    """The database's volume has no room left for a while."""
    with _full(stack):
        time.sleep(FULL_SECONDS)


@contextmanager
def _full(stack: Stack) -> Iterator[None]:
    file = volume_of_postgresql(stack) / "fill"
    try:
        with file.open("wb", buffering=0) as open_file:
            space = os.fstatvfs(open_file.fileno())
            # Most of it at once; the file system needs some of the rest to note what is where.
            reserved = space.f_bavail * space.f_frsize * 9 // 10
            os.posix_fallocate(open_file.fileno(), 0, reserved)
            open_file.seek(reserved)
            with suppress(OSError):
                while open_file.write(bytes(4096)):
                    pass
            assert os.fstatvfs(open_file.fileno()).f_bavail == 0
        yield
    finally:
        file.unlink()


def volume_of_postgresql(stack: Stack) -> Path:
    """The volume's directory, by way of a process that sees the node's mounts and outlives the container."""
    pod = stack.ready("postgres")[0]
    status = Path(f"/proc/{containers.processes(pod, 'postgres')[0]}/status").read_text()
    [parent] = [line.split()[1] for line in status.splitlines() if line.startswith("PPid:")]
    [claim] = [v["persistentVolumeClaim"]["claimName"] for v in pod["spec"]["volumes"] if "persistentVolumeClaim" in v]
    volume = stack.kubectl.get("pvc", claim)["spec"]["volumeName"]
    directory: str = stack.kubectl.get("pv", volume)["spec"]["local"]["path"]
    return Path(f"/proc/{parent}/root{directory}")


def wait_until_ready(stack: Stack, replicas: int, redis: int = 1) -> None:
    """Wait until every pod is ready again.

    Args:
        stack: whose pods.
        replicas: of Open WebUI.
        redis: nodes of Redis.
    """
    expected = {"redis": redis, "postgres": 1, WEB: replicas}
    for _ in attempts(seconds=_READY_SECONDS, every=0.5):
        missing = {app: n for app, n in expected.items() if not _all_ready(stack, app, n)}
        if not missing:
            return
    raise AssertionError(f"not ready after {_READY_SECONDS} s: {missing}")


def scale(stack: Stack, replicas: int) -> None:
    """Run that many web pods, and wait until they are ready and all others are gone."""
    stack.kubectl.run("scale", "deployment", WEB, f"--replicas={replicas}")
    wait_until_ready(stack, replicas)
    wait_until_gone(stack)


def wait_until_gone(stack: Stack) -> None:
    """Wait until no web pod is leaving any more."""
    for _ in attempts(seconds=stack.leaving_seconds(), every=1):
        pods = stack.kubectl.get("pods", "-l", f"app={WEB}")["items"]
        if not any(pod["metadata"].get("deletionTimestamp") for pod in pods):
            return
    raise AssertionError("a web pod does not terminate")


def _all_ready(stack: Stack, app: str, replicas: int) -> bool:
    pods = stack.pods(app)
    return len(pods) == replicas and all(map(is_ready, pods))


MAXMEMORY = 64
"""Megabytes: so little that it is filled in a moment."""
SETTLING_SECONDS = 3.0

FAULTS = [
    ("a web pod is killed", kill(WEB, WEB), 5),
    ("Redis is killed", kill("redis", "redis"), 30),
    (f"Redis is stopped for {STOPPED_SECONDS} s", stop("redis", "redis"), STOPPED_SECONDS + 60),
    ("PostgreSQL is killed", kill("postgres", "postgres"), 30),
    (
        f"PostgreSQL is stopped for {STOPPED_SECONDS} s",
        stop("postgres", "postgres"),
        STOPPED_SECONDS + 60,
    ),
    (
        f"PostgreSQL's network is cut for {STOPPED_SECONDS} s",
        cut_network("postgres", "postgres"),
        STOPPED_SECONDS + 60,
    ),
    ("every pod is evicted", drain, 120),
    (f"Redis is full for {FULL_SECONDS} s", fill_redis(2 * MAXMEMORY), 60),
    (f"PostgreSQL's volume is full for {FULL_SECONDS} s", fill_postgresql_volume, 90),
]
