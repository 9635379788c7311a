"""Since when web pods serve: the same question for any design, also for one without probes."""

import itertools
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from host.waiting import attempts
from stackctl.deployed.stack import WEB, Stack, is_ready
from tests.support.e2e import containers
from tests.support.e2e.observation import SCRIPTS
from tests.support.e2e.start_times import ready_at

_LOOK_SECONDS = 1.0
_ASK_SECONDS = 0.2


def until_served(stack: Stack, replicas: int, *, seconds: float, deploying: Future[None] | None = None) -> float:
    """Wait until that many web pods are ready and answer `/health/db`.

    Args:
        stack: whose web pods.
        replicas: how many.
        seconds: how long to wait.
        deploying: what makes the pods, if it may still run; its failure ends the wait.

    Returns:
        When the last of them did so, in seconds since the epoch. Readiness counts in whole seconds, answers do not.
    """
    with ExitStack() as ends:
        pods = Pods(stack, ends)
        for _ in attempts(seconds=seconds, every=_LOOK_SECONDS):
            if deploying and deploying.done():
                deploying.result()
            if since := pods.served(replicas):
                return since
        raise AssertionError(f"{replicas} web pods do not serve after {seconds:.0f} s: {pods.seen()}")


class Pods:
    """The web pods of a design, each asked for its health in its own network, where no policy is in the way."""

    def __init__(self, stack: Stack, ends: ExitStack) -> None:
        """Nothing is asked yet.

        Args:
            stack: whose pods.
            ends: until its end they are asked.
        """
        self._stack = stack
        self._ends = ends
        self._directory = Path(ends.enter_context(tempfile.TemporaryDirectory()))
        self._files: dict[str, Path] = {}

    def served(self, replicas: int) -> float | None:
        """Since when that many pods serve; None while they do not."""
        pods = self._stack.pods(WEB)
        for pod in pods:
            self._ask(pod)
        since = [self._since(pod) for pod in pods]
        if len(since) != replicas or None in since:
            return None
        return max(each for each in since if each)

    def seen(self) -> str:
        """Each pod asked, and its last answer."""
        return "; ".join(f"{name}: {_last(file)}" for name, file in self._files.items()) or "no pod has started"

    def _since(self, pod: Mapping[str, Any]) -> float | None:
        file = self._files.get(pod["metadata"]["uid"])
        if file is None or not is_ready(dict(pod)) or (answers := _last(file)) is None:
            return None
        return max(answers, ready_at(pod).timestamp())

    def _ask(self, pod: dict[str, Any]) -> None:
        uid = pod["metadata"]["uid"]
        if uid in self._files or not (network := _network(pod)):
            return
        file = self._files[uid] = self._directory / uid
        self._ends.callback(os.close, network)
        enter = ["nsenter", f"--net=/proc/self/fd/{network}"]
        command = [*enter, sys.executable, "-S", str(SCRIPTS / "health.py"), str(_ASK_SECONDS)]
        with file.open("w") as out:
            process = subprocess.Popen(command, stdout=out, pass_fds=[network])
        self._ends.callback(process.wait)
        self._ends.callback(process.kill)


def _last(file: Path) -> float | None:
    """Since when it has answered without a break; None if it does not."""
    lines = file.read_text().splitlines()
    return last_answer(lines[-1]) if lines else None


def last_answer(line: str) -> float | None:
    """The time in a line of `health.py` of a pod that answers; None for one that does not, or half a line."""
    time, _, answers = line.partition(" ")
    return float(time) if answers == "1" else None


def _network(pod: dict[str, Any]) -> int | None:
    """The network of a pod, which all its containers and their restarts share, as a descriptor."""
    if "containerStatuses" not in pod["status"]:
        return None
    # A container, and each of its processes, may have ended a moment ago.
    with suppress(OSError):
        for process in itertools.chain.from_iterable(containers.all_processes(pod).values()):
            with suppress(OSError):
                return os.open(f"/proc/{process}/ns/net", os.O_RDONLY)
    return None
