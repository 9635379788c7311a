"""The requirements on a machine that runs a node."""

import os
import shutil
import subprocess
import sys

from stack_config.files import ROOT
from terminal.errors import UsageError
from terminal.invocation import option

_PROGRAMS = (
    "containerd",
    "ctr",
    "runc",
    "nft",
    "ip",
    "unshare",
    "nsenter",
    "mmdebstrap",
    "mkfs.ext4",
    "losetup",
    "mvn",
)
_PLUGINS = ("/usr/lib/cni/ptp", "/usr/lib/cni/host-local", "/usr/lib/cni/loopback")


def check() -> None:
    """Install missing programs where that is possible.

    Raises:
        UsageError: this machine cannot be a node; the message says why, and the alternatives.
    """
    if reason := obstacle():
        raise UsageError(f"{reason}\n{_alternatives()}")
    if not missing():
        return
    subprocess.run([ROOT / "scripts" / "install-node"], check=False)
    if left := missing():
        raise UsageError(
            f"A node needs {', '.join(left)}, which this machine lacks.\n"
            "On Debian: apt-get install --no-install-recommends containerd runc containernetworking-plugins nftables "
            f"iproute2 util-linux mmdebstrap e2fsprogs maven\n{_alternatives()}"
        )


def obstacle() -> str | None:
    """Why this machine cannot be a node, whatever is installed on it; None when it can."""
    if sys.platform != "linux":
        return "A node runs a kubelet on this machine, which needs Linux."
    if os.geteuid() != 0:
        return "A node starts containers, network namespaces and firewall rules, which needs root. Run it as root."
    if not os.access("/sys/fs/cgroup", os.W_OK):
        return "A node creates control groups, but /sys/fs/cgroup is read-only, as in most containers."
    if not os.path.exists("/dev/loop-control"):
        return "A node mounts files as volumes, but there is no /dev/loop-control."
    namespaces = subprocess.run(["unshare", "--net", "--mount", "--pid", "--fork", "true"], check=False)
    if namespaces.returncode:
        return "A node creates namespaces, which the kernel does not allow."
    return None


def _alternatives() -> str:
    kwok, kind, context = (option("cluster", name) for name in ("kwok", "kind", "<context>"))
    return f"Use {kwok} (simulated pods), {kind} (Docker) or {context} (of your kubeconfig)."


def missing() -> list[str]:
    """Programs that are not installed."""
    programs = [name for name in _PROGRAMS if not shutil.which(name)]
    return programs + [plugin for plugin in _PLUGINS if not os.path.exists(plugin)]
