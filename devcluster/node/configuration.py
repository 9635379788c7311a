"""Configuration files of the processes of the node."""

import json
from typing import Any

import yaml

from .layout import Layout

PAUSE_IMAGE = "registry.k8s.io/pause:3.10"
ZONE = "zone-a"
_PLUGIN_DIRECTORY = "/usr/lib/cni"
# In the mount namespace of the node, where /run is a file system of its own.
CONTAINERD_SOCKET = "/run/containerd/containerd.sock"


def containerd(layout: Layout) -> str:
    """Configuration of containerd (version 2 of the format, which 1.x and 2.x read)."""
    return f"""\
version = 2
root = "{layout.containerd_root}"
state = "/run/containerd"
[grpc]
address = "{CONTAINERD_SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{PAUSE_IMAGE}"
# If this process may not lower its OOM score, runc could not lower that of a container either, and would fail.
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{_PLUGIN_DIRECTORY}"
conf_dir = "{layout.configuration / "cni"}"
"""


def cni(layout: Layout) -> str:
    """The network of the pods.

    Each pod has a link to the node, which routes, so that every packet between two pods passes the forward hook.
    """
    return json.dumps(
        {
            "cniVersion": "0.4.0",
            "name": "pods",
            "plugins": [
                {
                    "type": "ptp",
                    "ipMasq": False,
                    "ipam": {
                        "type": "host-local",
                        "ranges": [[{"subnet": str(layout.pods)}]],
                        "routes": [{"dst": "0.0.0.0/0"}],
                    },
                },
                {"type": "portmap", "capabilities": {"portMappings": True}},
            ],
        }
    )


def kwokctl(layout: Layout) -> str:
    """Configuration of kwokctl: what its flags do not have.

    Without it, no client in a pod could verify the certificate of the API server, whose Service it connects to.
    """
    return yaml.safe_dump(
        {
            "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
            "kind": "KwokctlConfiguration",
            "options": {"kubeApiserverCertSANs": [layout.api_server_address]},
        }
    )


def kubelet(layout: Layout, client_ca: str) -> str:
    """Configuration of the kubelet.

    Args:
        layout: the layout of the node.
        client_ca: file with the certificate authority of the kubelet's clients.
    """
    return yaml.safe_dump(
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
            "address": layout.node_address,
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": client_ca},
            },
            "authorization": {"mode": "Webhook"},
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{layout.identifier}",
            "clusterDNS": [layout.dns_address],
            "clusterDomain": "cluster.local",
            "resolvConf": str(layout.configuration / "resolv.conf"),
            "failCgroupV1": False,
            "failSwapOn": False,
            # The disk belongs to the machine, so the kubelet must not free space; images cannot be pulled again, so it
            # removes none.
            "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
            "imageGCHighThresholdPercent": 100,
            "imageMaximumGCAge": "0s",
            "makeIPTablesUtilChains": False,
            # Pods get a changed Secret or ConfigMap after seconds instead of up to two minutes.
            "syncFrequency": "10s",
            "configMapAndSecretChangeDetectionStrategy": "Watch",
        }
    )


def kube_proxy(layout: Layout) -> str:
    """Configuration of kube-proxy."""
    return yaml.safe_dump(
        {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "nftables",
            "clientConnection": {"kubeconfig": str(layout.kubeconfig)},
            "clusterCIDR": str(layout.pods),
            "hostnameOverride": layout.node_name,
            # The connection tracking table belongs to the machine.
            "conntrack": {"maxPerCore": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        }
    )


def kubeconfig(admin: dict[str, Any], layout: Layout) -> str:
    """The administrator's kubeconfig for the node, which reaches the API server through its link to this machine.

    Args:
        admin: the kubeconfig that reaches the API server from this machine.
        layout: the layout of the node.
    """
    [cluster] = admin["clusters"]
    port = cluster["cluster"]["server"].rpartition(":")[2]
    # The certificate names the loopback address of this machine, not that of the link.
    reached = {"server": f"https://{layout.machine_address}:{port}", "tls-server-name": "localhost"}
    return yaml.safe_dump({**admin, "clusters": [{**cluster, "cluster": {**cluster["cluster"], **reached}}]})
