"""Configuration files of the node's processes."""

import json
from typing import Any

import yaml

from .layout import Layout

PAUSE_IMAGE = "registry.k8s.io/pause:3.10"
ZONE = "zone-a"
_PLUGIN_DIRECTORY = "/usr/lib/cni"
# In the node's own mount namespace, where it is a file system of its own.
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
# Where this process may not lower its own score, runc could not do so for a container and would fail.
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
    """The pods' network: each pod has a link of its own to the node, which routes, so that every packet between two
    pods passes the rules for forwarded ones."""
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


def kubelet(layout: Layout, client_ca: str) -> str:
    """Configuration of the kubelet.

    Args:
        layout: of the node.
        client_ca: file with the authority of those who may ask the kubelet for logs and the like.
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
            # The disk is the machine's, which is not ours to keep free; images cannot be had again, so none is removed.
            "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
            "imageGCHighThresholdPercent": 100,
            "imageMaximumGCAge": "0s",
            "makeIPTablesUtilChains": False,
            # A Secret or ConfigMap that changed is in the pods after seconds, not after a minute or two.
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
            # The table of connections is the machine's.
            "conntrack": {"maxPerCore": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        }
    )


def kubeconfig(admin: dict[str, Any], layout: Layout) -> str:
    """The administrator's kubeconfig as the node can use it: the API server is at the other end of the link.

    Args:
        admin: the kubeconfig that reaches the API server from this machine.
        layout: of the node.
    """
    [cluster] = admin["clusters"]
    port = cluster["cluster"]["server"].rpartition(":")[2]
    # The certificate names this machine's loopback address, not that of the link.
    reached = {"server": f"https://{layout.machine_address}:{port}", "tls-server-name": "localhost"}
    return yaml.safe_dump({**admin, "clusters": [{**cluster, "cluster": {**cluster["cluster"], **reached}}]})
