"""What a machine must have to be a node."""

import os
import shutil
import subprocess
import sys

from stack_config.files import ROOT
from terminal.errors import UsageError

_PROGRAMS = ("containerd", "ctr", "runc", "nft", "ip", "unshare", "nsenter", "mmdebstrap", "mkfs.ext4", "losetup")
_PLUGINS = ("/usr/lib/cni/ptp", "/usr/lib/cni/host-local", "/usr/lib/cni/loopback")
_ELSEWHERE = "Use CLUSTER=kwok (simulated pods), CLUSTER=kind (Docker) or the name of a context of your kubeconfig."


def check() -> None:
    """Install what is missing where that can be done.

    Raises:
        UsageError: this machine cannot be a node; says why and what else there is.
    """
    if reason := obstacle():
        raise UsageError(f"{reason}\n{_ELSEWHERE}")
    if not missing():
        return
    subprocess.run([ROOT / "scripts" / "install-node"], check=False)
    if left := missing():
        raise UsageError(
            f"CLUSTER=node needs {', '.join(left)}, which are not on this machine.\n"
            "On Debian: apt-get install --no-install-recommends containerd runc containernetworking-plugins nftables "
            f"iproute2 util-linux mmdebstrap e2fsprogs\n{_ELSEWHERE}"
        )


def obstacle() -> str | None:
    """Why this machine cannot be a node whatever is installed on it; None when nothing stands against it."""
    if sys.platform != "linux":
        return "CLUSTER=node runs a kubelet on this machine, which only Linux can."
    if os.geteuid() != 0:
        return (
            "CLUSTER=node starts containers, network namespaces and firewall rules of its own, which needs root. "
            "Run it as root."
        )
    if not os.access("/sys/fs/cgroup", os.W_OK):
        return "CLUSTER=node makes control groups, and /sys/fs/cgroup is read-only here, as it is in most containers."
    if not os.path.exists("/dev/loop-control"):
        return "CLUSTER=node mounts files as volumes, and there is no /dev/loop-control here."
    namespaces = subprocess.run(["unshare", "--net", "--mount", "--pid", "--fork", "true"], check=False)
    if namespaces.returncode:
        return "CLUSTER=node makes namespaces of its own, which the kernel does not allow here."
    return None


def missing() -> list[str]:
    """Programs that are not there."""
    programs = [name for name in _PROGRAMS if not shutil.which(name)]
    return programs + [plugin for plugin in _PLUGINS if not os.path.exists(plugin)]
