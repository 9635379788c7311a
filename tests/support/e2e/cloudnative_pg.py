"""The operator CloudNativePG on the node, and the state of its cluster."""

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from components.postgresql.cloudnative_pg.names import CLUSTER, INSTANCES
from devcluster.toolchain.go_programs import CLOUDNATIVE_PG_VERSION
from host.waiting import attempts
from stackctl.deployed.kubectl import Kubectl, KubectlError
from stackctl.deployed.stack import Stack, is_ready
from tests.support.cloudnative_pg import definitions
from tests.support.e2e import containers

CONTAINER = "postgres"
"""Container of an instance: the instance manager and, as its child, the server."""

_NAMESPACE = "cnpg-system"
_DEPLOYMENT = "deployment/cnpg-controller-manager"
_START_SECONDS = 180
_HEALTHY_SECONDS = 300
_MANAGER = "manager"
_KIBIBYTE = 1024


def install_operator(kubectl: Kubectl) -> None:
    """Apply the manifest of the release, and wait until the operator serves its webhooks."""
    # There is no registry: the image is on the node.
    manifest = _release().replace("imagePullPolicy: Always", "imagePullPolicy: IfNotPresent")
    kubectl = replace(kubectl, namespace=_NAMESPACE)
    kubectl.run("apply", "--server-side", "-f", "-", stdin=manifest, seconds=120)
    timeout = f"--timeout={_START_SECONDS}s"
    kubectl.run("rollout", "status", _DEPLOYMENT, timeout, seconds=_START_SECONDS + 10)


def _release() -> str:
    """The manifest that installs the operator: definitions, roles, webhooks and the Deployment."""
    module = definitions().parents[2]
    return (module / "releases" / f"cnpg-{CLOUDNATIVE_PG_VERSION}.yaml").read_text()


def api_server_targets(kubectl: Kubectl) -> list[str]:
    """Values of `cloudnativePg.apiServer`, as its documentation says how to find them."""
    slices = replace(kubectl, namespace="default").get("endpointslices", "kubernetes")
    [port] = slices["ports"]
    return [f"{address}/32:{port['port']}" for each in slices["endpoints"] for address in each["addresses"]]


def instances(stack: Stack) -> list[dict[str, Any]]:
    """Pods of PostgreSQL by name."""
    selector = ",".join(f"{name}={value}" for name, value in INSTANCES.items())
    items = stack.kubectl.get("pods", "-l", selector)["items"]
    return sorted(items, key=lambda pod: str(pod["metadata"]["name"]))


def status(stack: Stack) -> dict[str, Any]:
    """What the operator reports of the cluster."""
    reported: dict[str, Any] = stack.kubectl.get("clusters.postgresql.cnpg.io", CLUSTER).get("status", {})
    return reported


def primary(stack: Stack) -> dict[str, Any]:
    """Pod of the primary."""
    name = status(stack)["currentPrimary"]
    [pod] = [each for each in instances(stack) if each["metadata"]["name"] == name]
    return pod


def sql(stack: Stack, pod: str, statement: str) -> str:
    """What the server of an instance answers its superuser, who connects by the socket."""
    words = ("exec", pod, "-c", CONTAINER, "--", "psql", "-d", "ragsystemdb", "-qtAc", statement)
    return stack.kubectl.run(*words).strip()


def wait_until_healthy(stack: Stack, count: int) -> None:
    """Wait until all instances are ready and the replicas of one primary stream from it."""
    reported: dict[str, Any] = {}
    for _ in attempts(seconds=_HEALTHY_SECONDS, every=1):
        reported = status(stack)
        settled = reported.get("currentPrimary") == reported.get("targetPrimary")
        ready = sum(map(is_ready, instances(stack)))
        # An instance may go while it is asked.
        with suppress(KubectlError):
            if settled and ready == count == reported.get("readyInstances") and _streaming(stack) == count - 1:
                return
    raise AssertionError(f"not healthy after {_HEALTHY_SECONDS} s: {reported.get('phase')}, {ready} instances ready")


def _streaming(stack: Stack) -> int:
    name = primary(stack)["metadata"]["name"]
    return int(sql(stack, name, "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"))


@dataclass(frozen=True, kw_only=True)
class ManagerMemory:
    """Memory of an instance manager in bytes."""

    anonymous: int
    """Its own; the rest of `most` is the program file, which the kernel can drop."""

    most: int
    """The most that was resident since it started."""


def manager_memory(pod: dict[str, Any]) -> ManagerMemory:
    """Memory of the instance manager of a pod."""
    for process in containers.processes(pod, CONTAINER):
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
        fields = dict(line.split(":", 1) for line in lines)
        if fields["Name"].strip() == _MANAGER:
            anonymous, most = (int(fields[name].split()[0]) * _KIBIBYTE for name in ("RssAnon", "VmHWM"))
            return ManagerMemory(anonymous=anonymous, most=most)
    raise AssertionError(f"{pod['metadata']['name']}: no instance manager runs in it")
