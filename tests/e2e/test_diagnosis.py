"""`status` and `doctor` on a stack that is broken in three ways, and after each has been fixed as they say."""

import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from components.postgresql.names import APP as POSTGRESQL
from host.waiting import attempts
from stackctl.deployed.stack import WEB, Stack
from stackctl.deployed.web_pods import RECORD
from stackctl.verify.web_api import WebApi
from terminal.errors import ExitCode
from tests.support.e2e import faults
from tests.support.e2e.node import Node
from tests.support.e2e.session_tokens import Token

pytestmark = pytest.mark.fault

MAXMEMORY = 64
"""Megabytes of Redis: so little that it is filled in a moment."""

FULL_SECONDS = 20

REPLICAS = 3


@pytest.fixture(scope="module", autouse=True)
def backups(node: Node, stack: Stack) -> Iterator[None]:
    """A dump to restore, and a Redis that can be filled."""
    own = {"backup.enabled": "true", "redis.maxmemory": f"{MAXMEMORY}mb", "redis.maxmemoryPolicy": "noeviction"}
    before = dict(node.sets)
    node.sets.update(own)
    node.up()
    node.backup("run")
    assert status(node)["alerts"] == []
    assert symptoms(node) == {}
    yield
    node.sets.clear()
    node.sets.update(before)
    node.up()
    faults.wait_until_ready(stack, REPLICAS)


def status(node: Node) -> dict[str, Any]:
    """The document of `status`; its exit code says whether an alert would fire."""
    done = node.run("status", "--env", "dev", "--json")
    document: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (ExitCode.UNHEALTHY if document["alerts"] else ExitCode.DONE), done.stderr
    return document


def alerts(node: Node) -> set[str]:
    """The names of the alerts that would fire."""
    return {alert["name"] for alert in status(node)["alerts"]}


def symptoms(node: Node) -> dict[str, dict[str, Any]]:
    """What `doctor` recognizes, by the symptom; its exit code says whether it recognizes anything."""
    done = node.run("doctor", "--env", "dev", "--json")
    diagnoses = json.loads(done.stdout)["diagnoses"]
    assert done.returncode == (ExitCode.UNHEALTHY if diagnoses else ExitCode.DONE), done.stderr
    return {diagnosis["symptom"]: diagnosis for diagnosis in diagnoses}


def assert_healthy(node: Node, stack: Stack) -> None:
    """The stack was fixed: nothing is reported any more."""
    faults.wait_until_ready(stack, REPLICAS)
    assert alerts(node) == set()


def test_a_database_without_a_pod(node: Node, stack: Stack) -> None:
    stack.kubectl.run("scale", "statefulset", POSTGRESQL, "--replicas=0")
    try:
        for _ in attempts(seconds=120, every=1):
            if not stack.ready(WEB) and not stack.pods(POSTGRESQL):
                break
        assert alerts(node) == {"PostgreSQLDown", "OpenWebUINoReplicaReady"}
        diagnosis = symptoms(node)["A web pod is not ready, and Redis and the network work"]
        assert len(diagnosis["observed"]) == REPLICAS
        assert diagnosis["cause"] == "`/health/db` queries the database."
    finally:
        stack.kubectl.run("scale", "statefulset", POSTGRESQL, "--replicas=1")
    assert_healthy(node, stack)


def test_a_restore_that_was_killed(node: Node, stack: Stack) -> None:
    command = node.begin("restore", "--env", "dev", "--yes")
    try:
        for _ in attempts(seconds=120, every=0.1):
            if stack.deployment()["spec"]["replicas"] == 0:
                break
    finally:
        os.killpg(command.pid, signal.SIGKILL)
        command.wait()
    assert "OpenWebUINoReplicaReady" in alerts(node)
    diagnosis = symptoms(node)["No web pods after an interrupted `make restore`"]
    assert diagnosis["observed"] == [f"Deployment {WEB} has no replicas; its annotation {RECORD} is {REPLICAS}"]
    node.backup("restore", "--yes")
    assert_healthy(node, stack)
    assert symptoms(node) == {}


def test_a_full_redis(node: Node, stack: Stack, client: str) -> None:
    web = WebApi(stack=stack, client=client, url=f"http://{WEB}")
    token = Token(web.sign_in(stack.administrator()).body["token"])
    try:
        with ThreadPoolExecutor(1) as beside:
            pressure = beside.submit(faults.redis_pressure, stack, ("fill", 2 * MAXMEMORY), ("hold", FULL_SECONDS))
            time.sleep(FULL_SECONDS / 2)
            web.sign_out(token)
            pressure.result()
        [diagnosis] = symptoms(node).values()
    finally:
        faults.redis_pressure(stack, ("empty", 2 * MAXMEMORY))
    assert diagnosis["symptom"] == "`command not allowed when used memory > 'maxmemory'` in the log"
    assert diagnosis["fix"].startswith("pulumi config set --path redis.maxmemory ")
