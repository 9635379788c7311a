"""The processes of the node, which start in their own namespaces and end with them."""

import json
import os
import signal
import subprocess
import sys

from host.processes import is_alive
from host.waiting import attempts
from stack_config.files import ROOT

from ..toolchain.go_programs import NODE, build
from . import cgroups, network
from .configuration import ZONE
from .layout import Layout

_END_SECONDS = 20


def start(layout: Layout) -> None:
    """Start the processes of the node. Its configuration and its network must exist."""
    plan = layout.configuration / "programs.json"
    plan.write_text(json.dumps({"logs": str(layout.logs), "programs": _programs(layout)}))
    # fmt: off
    command = [
        "nsenter", f"--net=/run/netns/{layout.identifier}",
        "unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc",
        sys.executable, "-m", "devcluster.node.supervisor", str(plan),
    ]
    # fmt: on
    with (layout.logs / "supervisor.log").open("ab") as log:
        subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "PATH": f"/usr/sbin:/sbin:{os.environ.get('PATH', os.defpath)}"},
        )


def end(layout: Layout) -> list[int]:
    """End the processes of the node, including containers: their process namespace ends with its first process.

    Returns:
        Processes that are still there.
    """
    for process in network.processes(layout):
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            continue
    for _ in attempts(seconds=_END_SECONDS, every=0.1):
        remaining = _processes(layout)
        if not remaining:
            break
    return remaining


def are_running(layout: Layout) -> bool:
    """Whether the processes of the node run. If one of them ends, all end."""
    return bool(network.processes(layout))


def _processes(layout: Layout) -> list[int]:
    """Processes in the network namespace of the node and in the control groups of its pods."""
    return sorted(filter(is_alive, cgroups.processes(layout).union(network.processes(layout))))


def _programs(layout: Layout) -> dict[str, list[str]]:
    kubelet, kube_proxy, _ = (str(build(program)) for program in NODE)
    configuration = layout.configuration
    return {
        "containerd": ["containerd", "--config", str(configuration / "containerd.toml")],
        "kubelet": [
            kubelet,
            f"--config={configuration / 'kubelet.yaml'}",
            f"--kubeconfig={layout.kubeconfig}",
            f"--root-dir={layout.kubelet_root}",
            f"--hostname-override={layout.node_name}",
            f"--node-ip={layout.node_address}",
            f"--node-labels=topology.kubernetes.io/zone={ZONE}",
        ],
        "kube-proxy": [kube_proxy, f"--config={configuration / 'kube-proxy.yaml'}"],
        "agent": [sys.executable, "-m", "devcluster.node.agent", str(layout.kubeconfig), layout.name],
    }
