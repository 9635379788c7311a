"""The commands of the document that the architecture comes from, as they stand there, in a shell.

Left out: what installs a package in a running pod (`apk add redis`), or needs one (`nslookup`). `make verify` asks the
same of the pods with what they have.
"""

import os
import re
import subprocess
from pathlib import Path

import pytest

from stackctl.deployed.stack import WEB, Stack
from tests.support.e2e import faults
from tests.support.e2e.node import Node


def shell(node: Node, stack: Stack, command: str) -> str:
    """What a command prints, with `kubectl` on PATH and the node's cluster as the current one."""
    kubectl = Path(stack.kubectl.program)
    environment = {
        **node.environment,
        "PATH": f"{kubectl.parent}{os.pathsep}{os.environ['PATH']}",
        "KUBECONFIG": str(stack.kubectl.kubeconfig),
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-1000:]}\n{done.stderr[-1000:]}"
    return done.stdout


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("kubectl get pods -n rag-system | grep redis", r"^redis-\S+ +\d/\d +Running"),
        ("kubectl logs -n rag-system -l app=redis", r"Ready to accept connections"),
        ("kubectl exec -n rag-system deployment/redis -- redis-cli ping", r"^PONG$"),
        ("kubectl exec -i -n rag-system deployment/open-webui -- sh -c 'echo a shell'", r"^a shell$"),
        (
            "kubectl logs -n rag-system -l app=open-webui --tail=-1 | grep -i redis",
            r"Using Redis to manage websockets",
        ),
        (
            "kubectl logs -n rag-system -l app=open-webui --tail=-1 | grep -i websocket",
            r"Using Redis to manage websockets",
        ),
        ("kubectl describe pod -n rag-system -l app=redis", r"^Labels: +app=redis$"),
        ("kubectl get secret redis-config -n rag-system -o yaml", r"^  cache-url: \S+\n  websocket-url: \S+$"),
        (
            "kubectl exec -n rag-system deployment/open-webui -- getent hosts redis-service",
            r"redis-service\.rag-system",
        ),
    ],
)
def test_a_command_of_the_document(node: Node, stack: Stack, command: str, answer: str) -> None:
    assert re.search(answer, shell(node, stack, command), re.MULTILINE)


def test_scaling_as_the_document_does(node: Node, stack: Stack) -> None:
    before = len(stack.ready(WEB))
    try:
        shell(node, stack, "kubectl scale deployment open-webui -n rag-system --replicas=2")
        faults.wait_until_ready(stack, 2)
        listed = shell(node, stack, "kubectl get pods -n rag-system -l app=open-webui --no-headers")
        assert len(re.findall(r"^open-webui-\S+ +1/1 +Running", listed, re.MULTILINE)) == 2
    finally:
        shell(node, stack, f"kubectl scale deployment open-webui -n rag-system --replicas={before}")
    faults.wait_until_ready(stack, before)
