"""A real node on this machine: pods run under a kubelet, with network policies enforced. Needs Linux and root."""

import shutil
import time
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client

from components.open_webui.names import SERVICE
from host.waiting import attempts
from terminal.console import step
from terminal.errors import LocalError
from terminal.invocation import command_line

from ..node import cgroups, cluster_dns, configuration, network, processes, requirements, volumes
from ..node.images import store
from ..node.images.definitions import images
from ..node.layout import Layout, layout_of, new_layout
from ..toolchain.go_programs import CONTROL_PLANE, NODE
from . import control_plane
from .api import api_client, create_missing
from .choice import Cluster
from .control_plane import ControlPlane

_START_SECONDS = 5
READY_SECONDS = 60
_COMPONENTS = frozenset({"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"})


def named(name: str, kubeconfig: Path) -> Cluster:
    """The cluster of that name, whether it exists or not; its kubeconfig is written to ``kubeconfig``."""
    return Cluster(kind="node", name=name, kubeconfig=kubeconfig, context=f"kwok-{name}")


def up(name: str, kubeconfig: Path) -> tuple[Cluster, bool]:
    """Start the cluster of that name: use the running one, restart a stopped one, or create it.

    Args:
        name: name of the cluster.
        kubeconfig: file to write its kubeconfig to.

    Returns:
        The cluster, and whether it is new and empty.

    Raises:
        UsageError: this machine cannot run a node.
        LocalError: the cluster does not start; the message names its logs.
    """
    requirements.check()
    cluster = named(name, kubeconfig)
    control_plane.build_programs((*CONTROL_PLANE, *NODE))
    store.ensure(images())
    layout = layout_of(name) or new_layout(name)
    network.create(layout)
    new = control_plane.start(cluster, _plane(layout))
    if new:
        _remove_containers(layout)
    api = api_client(kubeconfig, cluster.context)
    with step("start a node: containerd, kubelet, kube-proxy, CoreDNS", 15):
        if not processes.are_running(layout):
            _start(layout, cluster)
        create_missing(client.StorageV1Api(api).create_storage_class, volumes.storage_class())
        cluster_dns.deploy(api, layout)
        _wait(api, layout)
    return cluster, new


def delete(name: str) -> None:
    """End every process of the cluster and remove its files, also after a crash.

    Raises:
        LocalError: a process or a control group remains; the message names it.
    """
    if layout := layout_of(name):
        if remaining := processes.end(layout):
            raise LocalError(f"processes of the node {name} are still running: {', '.join(map(str, remaining))}")
        network.delete(layout)
        if groups := cgroups.delete(layout):
            raise LocalError(
                f"the node {name} has ended, but {len(groups)} of its control groups remain: {groups[-1]} ..."
            )
    control_plane.delete(name)
    if layout:
        shutil.rmtree(layout.directory)


def web_address(kubeconfig: Path, context: str, namespace: str) -> str:
    """URL of the web interface for a browser on this machine: the address of the Service, to which there is a route."""
    core: Any = client.CoreV1Api(api_client(kubeconfig, context))
    service = core.read_namespaced_service(SERVICE, namespace)
    [port] = service.spec.ports
    return f"http://{service.spec.cluster_ip}" + ("" if port.port == 80 else f":{port.port}")


def _plane(layout: Layout) -> ControlPlane:
    keys = control_plane.directory_of(layout.name) / "pki"
    arguments = {
        "service-cluster-ip-range": str(layout.services),
        # The endpoint of the Service `kubernetes`: the other addresses of this machine change with its networks.
        "advertise-address": layout.machine_address,
        # This machine cannot resolve the name of the node.
        "kubelet-preferred-address-types": "InternalIP",
        "kubelet-client-certificate": str(keys / "admin.crt"),
        "kubelet-client-key": str(keys / "admin.key"),
    }
    flags = [f"--extra-args=kube-apiserver={name}={value}" for name, value in arguments.items()]
    # kwok's controller would report the pods of the real node as ready.
    flags += ["--config", str(_kwokctl_configuration(layout)), "--disable", "kwok-controller"]
    return ControlPlane(programs=CONTROL_PLANE, components=_COMPONENTS, flags=tuple(flags))


def _kwokctl_configuration(layout: Layout) -> Path:
    file = layout.configuration / "kwokctl.yaml"
    file.write_text(configuration.kwokctl(layout))
    return file


def _start(layout: Layout, cluster: Cluster) -> None:
    if not layout.containerd_root.exists():
        store.copy_to(layout.containerd_root)
    cgroups.create(layout)
    _configure(layout, cluster)
    processes.start(layout)


def _configure(layout: Layout, cluster: Cluster) -> None:
    if cluster.kubeconfig is None:
        raise ValueError(f"{cluster.name} is not a cluster of this project")
    client_ca = str(control_plane.directory_of(layout.name) / "pki" / "ca.crt")
    admin = yaml.safe_load(cluster.kubeconfig.read_text())
    files = {
        "containerd.toml": configuration.containerd(layout),
        "cni/pods.conflist": configuration.cni(layout),
        "kubelet.yaml": configuration.kubelet(layout, client_ca),
        "kube-proxy.yaml": configuration.kube_proxy(layout),
        "kubeconfig": configuration.kubeconfig(admin, layout),
        # The pods must not use the DNS of this machine.
        "resolv.conf": "",
    }
    for name, text in files.items():
        file = layout.configuration / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)


def _remove_containers(layout: Layout) -> None:
    """Remove containers and volumes of an earlier cluster of the same name, unknown to the new control plane."""
    if processes.end(layout):
        raise LocalError(f"processes of an earlier node {layout.name} are still running")
    for directory in (layout.containerd_root, layout.kubelet_root, layout.volumes):
        shutil.rmtree(directory, ignore_errors=True)
    layout.kubelet_root.mkdir()
    layout.volumes.mkdir()


def _wait(api: client.ApiClient, layout: Layout) -> None:
    started = time.monotonic()
    for _ in attempts(seconds=READY_SECONDS, every=0.2):
        if _node_is_ready(api, layout) and cluster_dns.is_ready(api):
            return
        if not processes.are_running(layout) and time.monotonic() > started + _START_SECONDS:
            raise LocalError(f"the node has ended: {_last_lines(layout)}")
    raise LocalError(f"the node is not ready after {READY_SECONDS} s. {_remedy(layout)}")


def _node_is_ready(api: client.ApiClient, layout: Layout) -> bool:
    core: Any = client.CoreV1Api(api)
    try:
        node = core.read_node(layout.node_name)
    except client.ApiException as error:
        if error.status == 404:
            return False
        raise
    # The conditions may be those of an earlier run, so the kubelet itself has to answer.
    try:
        core.connect_get_node_proxy_with_path(layout.node_name, "healthz")
    except client.ApiException:
        return False
    return any(c.type == "Ready" and c.status == "True" for c in node.status.conditions or [])


def _last_lines(layout: Layout) -> str:
    log = layout.logs / "supervisor.log"
    return "\n".join([*log.read_text().splitlines()[-5:], _remedy(layout)])


def _remedy(layout: Layout) -> str:
    return f"Its logs: {layout.logs}. Start over with: {command_line('down')}"
