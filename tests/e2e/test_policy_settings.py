"""What the keys of the network open and leave closed, with real packets.

The policies are the program's own, rendered for a namespace beside the stack: a change of them needs no rolling update.
"""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from components.open_webui.names import LABELS, PORT
from stack_config.files import read_stack
from stackctl.deployed.kubectl import Kubectl, KubectlError
from stackctl.deployed.stack import Stack
from stackctl.render.manifests import planned_objects
from tests.support.e2e.model_access import machine_address

SCRATCH = "policy-settings"
GATEWAY, MODELS, DNS = "gateway-system", "models", "openshift-dns"
PODS = [(SCRATCH, "web"), (GATEWAY, "gateway"), (GATEWAY, "other"), (MODELS, "ollama"), (DNS, "dns")]
DNS_PORT = 5353
MISS_SECONDS = 2
"""A connection on the same node takes milliseconds, and TCP asks again after one second."""
# Answers what it is sent, by UDP and by TCP.
SERVER = """
import socketserver, sys, threading
class Datagram(socketserver.BaseRequestHandler):
    def handle(self):
        self.request[1].sendto(self.request[0], self.client_address)
class Stream(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(b"here")
for port in map(int, sys.argv[1:]):
    for kind, handler in ((socketserver.ThreadingUDPServer, Datagram), (socketserver.ThreadingTCPServer, Stream)):
        threading.Thread(target=kind(("0.0.0.0", port), handler).serve_forever).start()
"""
ASK = """
import socket
asking = socket.socket(socket.AF_INET, socket.{kind})
asking.settimeout({seconds})
asking.connect(({host!r}, {port}))
asking.send(b"here")
assert asking.recv(4) == b"here"
"""


@pytest.fixture(scope="module")
def pods(stack: Stack) -> Iterator[dict[str, str]]:
    """Addresses of the pods by their names."""
    kubectl = stack.kubectl
    image = stack.deployment()["spec"]["template"]["spec"]["containers"][0]["image"]
    namespaces = sorted({namespace for namespace, _ in PODS})
    try:
        for namespace in namespaces:
            kubectl.run("create", "namespace", namespace)
            # The account comes some time after its namespace, and no pod without it.
            kubectl.run("create", "serviceaccount", "echo", "-n", namespace)
        for namespace, name in PODS:
            kubectl.run("apply", "-n", namespace, "-f", "-", stdin=json.dumps(_pod(namespace, name, image)))
        actual = {}
        for namespace, name in PODS:
            kubectl.run("wait", "--for=condition=Ready", f"pod/{name}", "-n", namespace, "--timeout=90s", seconds=100)
            actual[name] = str(kubectl.get("pod", name, "-n", namespace)["status"]["podIP"])
        yield actual
    finally:
        kubectl.run("delete", "namespace", *namespaces, "--ignore-not-found", "--wait=false")


@pytest.fixture
def settings(stack: Stack, pods: dict[str, str]) -> Iterator[Any]:
    """Function that puts the policies of these config keys into the namespace."""
    assert pods["web"], "its pod is there"

    def put(*sets: str) -> None:
        config = read_stack("dev", [f"namespace={SCRATCH}", "kubeContext=rendered", *sets])
        for item in planned_objects(config, "dev"):
            if item["kind"] == "NetworkPolicy" and item["metadata"]["name"] in ("default-deny", "open-webui"):
                stack.kubectl.run("apply", "-n", SCRATCH, "-f", "-", stdin=json.dumps(item))
        # The rules of the node follow some tenths of a second later.
        time.sleep(2)

    yield put
    stack.kubectl.run("delete", "networkpolicy", "--all", "-n", SCRATCH)


def test_a_destination_of_the_settings_answers_and_no_other(stack: Stack, pods: dict[str, str], settings: Any) -> None:
    address = machine_address(stack)
    with listening(address) as by_target, listening(address) as by_variable, listening(address) as closed:
        settings(
            f"openWebui.egress[0]={address}/32:{by_target}",
            f"openWebui.env.CODE_INTERPRETER_JUPYTER_URL=http://{address}:{by_variable}",
        )
        reaches(stack.kubectl, "web", address, by_target)
        reaches(stack.kubectl, "web", address, by_variable)
        misses(stack.kubectl, "web", address, closed)
        misses(stack.kubectl, "web", pods["ollama"], PORT)


def test_a_range_of_addresses_is_open_at_its_port_alone(stack: Stack, pods: dict[str, str], settings: Any) -> None:
    settings(f"openWebui.egress[0]={pods['ollama']}/32:{PORT}")
    reaches(stack.kubectl, "web", pods["ollama"], PORT)
    misses(stack.kubectl, "web", pods["ollama"], DNS_PORT)
    misses(stack.kubectl, "web", pods["other"], PORT)


@pytest.mark.parametrize(
    "host", [f"ollama.{MODELS}", f"ollama.{MODELS}.svc", f"ollama-0.ollama.{MODELS}.svc.any.domain"]
)
def test_a_service_of_another_namespace_answers_at_the_port_of_its_pods(
    stack: Stack, pods: dict[str, str], settings: Any, host: str
) -> None:
    settings(f"openWebui.ollamaBaseUrl=http://{host}:80")
    reaches(stack.kubectl, "web", pods["ollama"], PORT)
    misses(stack.kubectl, "web", pods["other"], PORT)


def test_dns_is_asked_where_the_preset_says_and_nowhere_else(stack: Stack, pods: dict[str, str], settings: Any) -> None:
    [server] = stack.kubectl.get("pods", "-n", "kube-system", "-l", "k8s-app=kube-dns")["items"]
    cluster_dns = server["status"]["podIP"]
    settings("dns.preset=openshift")
    for kind in ("SOCK_DGRAM", "SOCK_STREAM"):
        reaches(stack.kubectl, "web", pods["dns"], DNS_PORT, kind)
    misses(stack.kubectl, "web", pods["dns"], PORT)
    misses(stack.kubectl, "web", cluster_dns, 53, connect_only=True)
    settings()
    reaches(stack.kubectl, "web", cluster_dns, 53, connect_only=True)
    misses(stack.kubectl, "web", pods["dns"], DNS_PORT)


def test_only_the_pods_of_the_controller_get_in(stack: Stack, pods: dict[str, str], settings: Any) -> None:
    settings(f"openWebui.ingress.controllerNamespace={GATEWAY}", "openWebui.ingress.controllerLabels.app=gateway")
    reaches(stack.kubectl, "gateway", pods["web"], PORT)
    misses(stack.kubectl, "gateway", pods["web"], DNS_PORT)
    misses(stack.kubectl, "other", pods["web"], PORT)
    misses(stack.kubectl, "ollama", pods["web"], PORT)


def test_only_the_pods_of_the_gateway_get_in(stack: Stack, pods: dict[str, str], settings: Any) -> None:
    own = ["openWebui.host=chat.example.com", "openWebui.gateway.enabled=true", "openWebui.gateway.className=other"]
    peers = [f"openWebui.gateway.controllerNamespace={GATEWAY}", "openWebui.gateway.controllerLabels.app=gateway"]
    settings(*own, *peers)
    reaches(stack.kubectl, "gateway", pods["web"], PORT)
    misses(stack.kubectl, "other", pods["web"], PORT)
    misses(stack.kubectl, "ollama", pods["web"], PORT)


def test_only_the_users_of_the_load_balancer_get_in(stack: Stack, pods: dict[str, str], settings: Any) -> None:
    """With `externalTrafficPolicy: Local` the pods see the addresses of the users."""
    balanced = "openWebui.loadBalancer.enabled=true"
    settings(balanced, f"openWebui.loadBalancer.sourceRanges[0]={pods['gateway']}/32")
    reaches(stack.kubectl, "gateway", pods["web"], PORT)
    misses(stack.kubectl, "other", pods["web"], PORT)
    settings(balanced, "openWebui.loadBalancer.sourceRanges[0]=0.0.0.0/0")
    reaches(stack.kubectl, "other", pods["web"], PORT)
    settings()
    misses(stack.kubectl, "other", pods["web"], PORT)


def test_only_the_allowed_addresses_get_in(stack: Stack, pods: dict[str, str], settings: Any) -> None:
    settings(f"openWebui.ingress.allowedCidrs[0]={pods['gateway']}/32")
    reaches(stack.kubectl, "gateway", pods["web"], PORT)
    misses(stack.kubectl, "other", pods["web"], PORT)
    settings()
    misses(stack.kubectl, "gateway", pods["web"], PORT)


def reaches(
    kubectl: Kubectl, pod: str, host: str, port: int, kind: str = "SOCK_STREAM", *, connect_only: bool = False
) -> None:
    """Ask from a pod and be answered."""
    _ask(kubectl, pod, host, port, kind, connect_only, seconds=5)


def misses(kubectl: Kubectl, pod: str, host: str, port: int, *, connect_only: bool = False) -> None:
    """Ask from a pod and not be answered, not even refused."""
    with pytest.raises(KubectlError, match=r"(?i)timed? ?out"):
        _ask(kubectl, pod, host, port, "SOCK_STREAM", connect_only, seconds=MISS_SECONDS)


def _ask(kubectl: Kubectl, pod: str, host: str, port: int, kind: str, connect_only: bool, seconds: int) -> None:
    [namespace] = [namespace for namespace, name in PODS if name == pod]
    script = ASK.format(host=host, port=port, kind=kind, seconds=seconds)
    if connect_only:
        script = script.partition("asking.send")[0]
    kubectl.run("exec", pod, "-n", namespace, "--", "python", "-c", script)


@contextmanager
def listening(host: str) -> Iterator[int]:
    """A port of this machine that answers while the block runs."""
    with socket.create_server((host, 0)) as server:

        def answer() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.sendall(b"here")

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def _pod(namespace: str, name: str, image: str) -> dict[str, Any]:
    labels = LABELS.selector if name == "web" else {"app": name}
    ready = {"tcpSocket": {"port": PORT}, "periodSeconds": 1}
    container = {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-c", SERVER, str(PORT), str(DNS_PORT)],
        "readinessProbe": ready,
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "serviceAccountName": "echo",
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
            "containers": [container],
        },
    }
