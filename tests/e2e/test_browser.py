"""A person at a browser: signs in, asks, reads the answer as it comes, and goes on when the pod that served is gone."""

import signal
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from devcluster.clusters.node import web_address
from host.waiting import attempts
from stackctl.deployed.stack import WEB, Stack
from stackctl.verify.web_api import WebApi
from tests.support.e2e import containers, faults
from tests.support.e2e.browser import SCREENSHOTS, ask, opened, sign_in
from tests.support.e2e.model_access import KEY, machine_address, use
from tests.support.e2e.model_server import answer_to, model_server
from tests.support.e2e.node import Node
from tests.support.e2e.session_tokens import Token

pytestmark = pytest.mark.fault

ANSWER_MILLISECONDS = 60_000
IDLE_SECONDS = 8
"""Longer than the web server keeps a connection that has nothing to ask (uvicorn: 5 s)."""


@pytest.fixture(scope="module")
def chatting(node: Node, stack: Stack, client: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack with a model to talk to."""
    key = tmp_path_factory.mktemp("key") / "key"
    key.write_text(KEY)
    with model_server(machine_address(stack)) as url:
        node.sets["openWebui.openaiApiBaseUrl"] = url
        node.secret_files["openaiApiKey"] = str(key)
        node.up()
        web = WebApi(stack=stack, client=client, url=f"http://{WEB}")
        token = Token(web.sign_in(stack.administrator()).body["token"])
        use(web, token, url)
        web.sign_out(token)
        yield stack


@pytest.fixture
def page(chatting: Stack) -> Iterator[Page]:
    """A browser with the web interface open."""
    assert chatting.kubectl.kubeconfig
    context = chatting.kubectl.run("config", "current-context").strip()
    with opened(web_address(chatting.kubectl.kubeconfig, context, chatting.kubectl.namespace)) as page:
        yield page


def test_a_chat_goes_on_when_the_pod_that_serves_it_is_killed(chatting: Stack, page: Page) -> None:
    sign_in(chatting, page)
    page.screenshot(path=SCREENSHOTS / "signed-in.png")

    ask(page, "first question")
    expect(page.get_by_text("You said: first question")).to_be_visible(timeout=ANSWER_MILLISECONDS)
    assert not page.get_by_text(answer_to("first question")).is_visible(), "the answer came at once, not word by word"
    page.screenshot(path=SCREENSHOTS / "answer-begins.png")
    expect(page.get_by_text(answer_to("first question"))).to_be_visible(timeout=ANSWER_MILLISECONDS)
    page.screenshot(path=SCREENSHOTS / "answered.png")

    serving = pod_that_serves(chatting)
    containers.send(serving, WEB, signal.SIGKILL)
    # The page reconnects by itself, without a reload.
    pod_that_serves(chatting, besides=serving)
    ask(page, "second question")
    expect(page.get_by_text(answer_to("second question"))).to_be_visible(timeout=ANSWER_MILLISECONDS)
    expect(page.get_by_text(answer_to("first question"))).to_be_visible()
    page.screenshot(path=SCREENSHOTS / "answered-by-another-pod.png")
    faults.wait_until_ready(chatting, int(chatting.deployment()["spec"]["replicas"]))


def pod_that_serves(stack: Stack, besides: dict[str, Any] | None = None) -> dict[str, Any]:
    """The pod with the browser's websocket: of its connections the only one that outlives a pause.

    Args:
        stack: whose web pods.
        besides: one that was just killed, and is not looked at.
    """
    for _ in attempts(seconds=90, every=0):
        pods = [
            pod for pod in stack.ready(WEB) if not besides or pod["metadata"]["name"] != besides["metadata"]["name"]
        ]
        before = {pod["metadata"]["name"]: connections(pod) for pod in pods}
        time.sleep(IDLE_SECONDS)
        staying = [pod for pod in pods if connections(pod) & before[pod["metadata"]["name"]]]
        if len(staying) == 1:
            return staying[0]
    raise AssertionError(f"{len(staying)} pods have a connection that stays")


def connections(pod: dict[str, Any]) -> set[str]:
    """The other ends of the open connections of a pod's web server."""
    process = str(containers.processes(pod, WEB)[0])
    command = ["nsenter", "--net", "--target", process]
    filters = ["state", "established", "( sport = :8080 )"]
    actual = subprocess.run([*command, "ss", "-Htn", *filters], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1] for line in actual.splitlines()}
