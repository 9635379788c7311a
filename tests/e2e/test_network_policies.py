"""Network policies with real packets: allowed and denied connections."""

import time
from collections.abc import Iterator

import pytest

from stackctl.deployed.kubectl import Kubectl, KubectlError
from stackctl.deployed.stack import WEB, Stack
from stackctl.verify.scripts import SCRIPTS

OUTSIDE = "outside"
EMPTY = "without-endpoints"
CONNECT = "import socket; socket.create_connection(({host!r}, {port}), 5)"
SERVERS = [("redis-service.rag-system", 6379), ("postgres.rag-system", 5432), ("open-webui.rag-system", 80)]


@pytest.fixture(scope="module")
def outside(stack: Stack) -> Iterator[Kubectl]:
    """A pod in another namespace."""
    kubectl = Kubectl(program=stack.kubectl.program, namespace="default", kubeconfig=stack.kubectl.kubeconfig)
    image = stack.deployment()["spec"]["template"]["spec"]["containers"][0]["image"]
    kubectl.run(
        "run", OUTSIDE, f"--image={image}", "--image-pull-policy=IfNotPresent", "--command", "--", "sleep", "600"
    )
    try:
        kubectl.run("wait", "--for=condition=Ready", f"pod/{OUTSIDE}", "--timeout=60s", seconds=70)
        yield kubectl
    finally:
        kubectl.run("delete", "pod", OUTSIDE, "--now")


@pytest.mark.parametrize(("host", "port"), SERVERS)
def test_a_pod_of_another_namespace_reaches_nothing(outside: Kubectl, host: str, port: int) -> None:
    names = outside.python(OUTSIDE, SCRIPTS / "names.py", {"names": [host]}, container=OUTSIDE)
    assert names[host], "the name resolves: it is the connection that is refused"
    with pytest.raises(KubectlError, match="TimeoutError"):
        connect(outside, OUTSIDE, OUTSIDE, host, port)


@pytest.mark.parametrize(("host", "port"), SERVERS[:2])
def test_a_web_pod_reaches_its_servers(stack: Stack, host: str, port: int) -> None:
    connect(stack.kubectl, stack.ready(WEB)[0]["metadata"]["name"], WEB, host, port)


def test_a_web_pod_reaches_no_other_pod(stack: Stack) -> None:
    pod, other = (pod for pod in stack.ready(WEB)[:2])
    with pytest.raises(KubectlError, match="TimeoutError"):
        connect(stack.kubectl, pod["metadata"]["name"], WEB, other["status"]["podIP"], 8080)


def test_a_service_without_endpoints_refuses_at_once(stack: Stack) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": EMPTY, "namespace": stack.kubectl.namespace},
        "spec": {"selector": {"app": EMPTY}, "ports": [{"port": 80}]},
    }
    stack.kubectl.apply(service)
    try:
        # Its address is in the rules some tenths of a second later.
        time.sleep(2)
        with pytest.raises(KubectlError, match="ConnectionRefusedError"):
            connect(stack.kubectl, stack.ready(WEB)[0]["metadata"]["name"], WEB, f"{EMPTY}.rag-system", 80)
    finally:
        stack.kubectl.run("delete", "service", EMPTY)


def connect(kubectl: Kubectl, pod: str, container: str, host: str, port: int) -> None:
    kubectl.run("exec", pod, "-c", container, "--", "python", "-c", CONNECT.format(host=host, port=port))
