"""Keeps the firewall rules of the node equal to the policies of the cluster."""

import json
import subprocess
import threading
import time
from typing import Any

import urllib3
from kubernetes import client

from ..layout import Layout
from ..watching import Watcher
from .model import Cluster, Pod
from .rules import ruleset

# Changes within this time lead to one new ruleset.
_SETTLE_SECONDS = 0.05
_WATCHED_SECONDS = 30
_AGAIN_SECONDS = 1


def run(api: client.ApiClient, layout: Layout) -> None:
    """Enforce the policies until the process ends. While the API server does not answer, the rules stay."""
    core, networking = client.CoreV1Api(api), client.NetworkingV1Api(api)
    changed = threading.Event()
    for list_objects in (
        core.list_pod_for_all_namespaces,
        core.list_namespace,
        networking.list_network_policy_for_all_namespaces,
    ):
        Watcher(list_objects, changed).start()
    applied = ""
    while True:
        try:
            rules = ruleset(read(api), pod_network=str(layout.pods), machine_address=layout.machine_address)
            if rules != applied:
                subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True, timeout=30)
                applied = rules
        except (client.ApiException, urllib3.exceptions.HTTPError) as error:
            print(f"the API server did not answer: {error}", flush=True)
        except subprocess.SubprocessError as error:
            print(f"the rules could not be loaded: {error}", flush=True)
            time.sleep(_AGAIN_SECONDS)
            continue
        changed.wait(_WATCHED_SECONDS)
        changed.clear()
        time.sleep(_SETTLE_SECONDS)


def read(api: client.ApiClient) -> Cluster:
    """The current objects that the rules depend on."""
    core: Any = client.CoreV1Api(api)
    networking: Any = client.NetworkingV1Api(api)
    pods = [_pod(pod) for pod in core.list_pod_for_all_namespaces().items if _has_own_address(pod)]
    namespaces = {n.metadata.name: n.metadata.labels or {} for n in core.list_namespace().items}
    response = networking.list_network_policy_for_all_namespaces(_preload_content=False)
    policies = json.loads(response.data)["items"]
    return Cluster(
        pods=tuple(sorted(pods, key=lambda pod: pod.address)), namespaces=namespaces, policies=tuple(policies)
    )


def _has_own_address(pod: Any) -> bool:
    return bool(pod.status.pod_ip) and not pod.spec.host_network and pod.status.phase in ("Pending", "Running")


def _pod(pod: Any) -> Pod:
    containers = [*pod.spec.containers, *(pod.spec.init_containers or [])]
    named = {
        (port.protocol or "TCP", port.name): port.container_port
        for container in containers
        for port in container.ports or []
        if port.name
    }
    return Pod(
        namespace=pod.metadata.namespace,
        name=pod.metadata.name,
        address=pod.status.pod_ip,
        labels=pod.metadata.labels or {},
        ports=named,
    )
