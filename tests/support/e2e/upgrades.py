"""Upgrades of Open WebUI on the node: which versions run, and for how long nothing is served."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from components.open_webui.settings import OpenWebUISettings
from components.open_webui.termination import grace_seconds
from host.waiting import attempts
from stackctl.deployed.stack import WEB, Stack
from stackctl.verify.client_pod import client_pod
from stackctl.verify.load import Load, load
from stackctl.verify.web_api import WebApi
from tests.support.e2e.node import Node
from tests.support.e2e.session_tokens import Token

BEFORE = "0.12.0"
"""The last release of another schema."""

NOW = OpenWebUISettings().version
RATE = 4.0
"""Requests a second while an upgrade is tried."""

LONGEST_STOP = grace_seconds(OpenWebUISettings().drain_seconds)
"""Seconds after which the kubelet has killed a pod that stops."""


class Watch(threading.Thread):
    """Looks, many times a second, which versions have a running container of Open WebUI."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(daemon=True)
        self._stack = stack
        self.ended = threading.Event()
        self.seen: list[frozenset[str]] = []

    def run(self) -> None:
        while not self.ended.wait(0.1):
            pods = self._stack.kubectl.get("pods", "-l", f"app={WEB}")["items"]
            versions = frozenset(version for pod in pods for version in _running(pod))
            if not self.seen or self.seen[-1] != versions:
                self.seen.append(versions)

    def until(self, version: str) -> None:
        """Wait until this version alone runs: the last old pod may finish its work after the update.

        Raises:
            TimeoutError: another one runs after the longest time that a pod may take to stop.
        """
        for _ in attempts(seconds=LONGEST_STOP, every=0.1):
            if self.seen[-1:] == [frozenset({version})]:
                return
        raise TimeoutError(f"after {LONGEST_STOP} s: {self.seen[-1:]}")


@contextmanager
def watched(stack: Stack) -> Iterator[Watch]:
    """A watch while the body runs."""
    watch = Watch(stack)
    watch.start()
    try:
        yield watch
    finally:
        watch.ended.set()
        watch.join()


def _running(pod: Mapping[str, Any]) -> Iterator[str]:
    """Versions that run in a pod: of the application and of its migration, which uses the database as well."""
    status = pod["status"]
    for container in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
        if "running" in container["state"] and "/open-webui:" in container["image"]:
            yield container["image"].rpartition(":v")[2].partition("-")[0]


def upgraded(node: Node, stack: Stack, version: str) -> tuple[Watch, Load]:
    """Upgrade the stack under load: which versions ran, and what became of the requests.

    A session and a chat of before are checked after it.
    """
    with client_pod(stack) as client:
        web = WebApi(stack=stack, client=client, url=f"http://{WEB}")
        token = Token(web.sign_in(stack.administrator()).body["token"])
        chat = web.request("POST", "/api/v1/chats/new", token, {"chat": {"title": "kept"}}).body["id"]

        node.sets["openWebui.version"] = version
        with watched(stack) as watch, load(stack, client, rate=RATE) as outcome:
            node.up()
            watch.until(version)

        assert web.session(token).status == 200
        assert web.request("GET", f"/api/v1/chats/{chat}", token).body["chat"]["title"] == "kept"
    return watch, outcome


def interruption(failures: Sequence[Mapping[str, Any]]) -> float:
    """Seconds from the beginning of the first failed request to the end of the last one; 0 without any."""
    ends = [failure["at"] + failure["after"] for failure in failures]
    return max(ends) - min(failure["at"] for failure in failures) if failures else 0.0
