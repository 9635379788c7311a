"""What of Redis's data outlives its container and its pod, and for how long it is away."""

import json
import signal
import time
from collections.abc import Callable
from statistics import median

import pytest

from stackctl.deployed.stack import WEB, Stack
from stackctl.verify.web_api import WebApi
from tests.support.e2e import containers, faults
from tests.support.e2e.measurements import Measurements
from tests.support.e2e.node import Node
from tests.support.e2e.observation import SCRIPTS
from tests.support.e2e.session_tokens import Token

pytestmark = pytest.mark.fault

AWAY_SECONDS = 60
MOST_SECONDS = 3.0
"""From the end of a killed server to its first answer. The kubelet looks at its containers once a second."""
KILLS = 3


def kill_container(stack: Stack) -> None:
    """The server's processes end at once."""
    containers.send(stack.ready("redis")[0], "redis", signal.SIGKILL)


def kill_pod(stack: Stack) -> None:
    """The pod is removed without a moment to end; another one takes its place."""
    stack.kubectl.run("delete", "pod", "-l", "app=redis", "--grace-period=0", "--force")


@pytest.mark.parametrize(
    ("durability", "kill", "status", "message"),
    [
        ("none", kill_container, 200, "valid again"),
        ("container", kill_container, 401, "refused"),
        ("container", kill_pod, 200, "valid again"),
        ("volume", kill_pod, 401, "refused"),
    ],
    ids=["none-container", "container-container", "container-pod", "volume-pod"],
)
def test_a_token_that_was_signed_out_after_redis_was_killed(
    node: Node,
    stack: Stack,
    client: str,
    measurements: Measurements,
    durability: str,
    kill: Callable[[Stack], None],
    status: int,
    message: str,
) -> None:
    node.sets["redis.durability"] = durability
    node.up()
    web = WebApi(stack=stack, client=client, url=f"http://{WEB}")
    token = Token(web.sign_in(stack.administrator()).body["token"])
    web.sign_out(token)
    assert web.session(token).status == 401
    # Redis writes its file to the disk once a second.
    time.sleep(2)
    away = seconds_away(stack, kill)
    faults.wait_until_ready(stack, len(stack.ready(WEB)))
    actual = web.session(token).status
    what, away_of = "pod", ""
    if kill is kill_container:
        what, away_of = "container", f" (median of {KILLS} kills)"
        away = median([away, *(seconds_away_of_a_new_pod(stack) for _ in range(KILLS - 1))])
    measurements.add(
        f"signed-out token after Redis's {what} was killed, durability {durability}; Redis away{away_of}",
        f"{message if actual == status else actual}; {away:.1f} s",
    )
    assert actual == status
    if kill is kill_container:
        assert away < MOST_SECONDS


def seconds_away_of_a_new_pod(stack: Stack) -> float:
    """Again with a pod whose container has died before: its next start is delayed."""
    kill_pod(stack)
    faults.wait_until_ready(stack, len(stack.ready(WEB)))
    return seconds_away(stack, kill_container)


def seconds_away(stack: Stack, kill: Callable[[Stack], None]) -> float:
    """Kill Redis and see, from a web pod, how long it does not answer."""
    pod = stack.ready(WEB)[0]["metadata"]["name"]
    config = {"seconds": AWAY_SECONDS}
    with stack.kubectl.python_running(pod, SCRIPTS / "redis_away.py", config, container=WEB) as process:
        assert process.stdout
        assert process.stdout.readline(), process.communicate()[1]
        kill(stack)
        output, errors = process.communicate(timeout=AWAY_SECONDS + 10)
    assert process.returncode == 0, errors
    return float(json.loads(output)["away"])
