"""What a machine must have to be a node."""

import os
import shutil
import subprocess
import sys

from stack_config.files import ROOT

from ..errors import UsageError

_PROGRAMS = ("containerd", "ctr", "runc", "nft", "ip", "unshare", "nsenter", "mmdebstrap", "mkfs.ext4", "losetup")
_PLUGINS = ("/usr/lib/cni/ptp", "/usr/lib/cni/host-local", "/usr/lib/cni/loopback")
_ELSEWHERE = "Use CLUSTER=kwok (simulated pods), CLUSTER=kind (Docker) or the name of a context of your kubeconfig."


def check() -> None:
    """Install what is missing where that can be done.

    Raises:
        UsageError: this machine cannot be a node; says why and what else there is.
    """
    if sys.platform != "linux":
        raise UsageError(f"CLUSTER=node runs a kubelet on this machine, which only Linux can.\n{_ELSEWHERE}")
    if os.geteuid() != 0:
        raise UsageError(
            "CLUSTER=node starts containers, network namespaces and firewall rules of its own, which needs root.\n"
            f"Run it as root. Or: {_ELSEWHERE}"
        )
    if not missing():
        return
    subprocess.run([ROOT / "scripts" / "install-node"], check=False)
    if left := missing():
        raise UsageError(
            f"CLUSTER=node needs {', '.join(left)}, which are not on this machine.\n"
            "On Debian: apt-get install --no-install-recommends containerd runc containernetworking-plugins nftables "
            f"iproute2 util-linux mmdebstrap e2fsprogs\n{_ELSEWHERE}"
        )


def missing() -> list[str]:
    """Programs that are not there."""
    programs = [name for name in _PROGRAMS if not shutil.which(name)]
    return programs + [plugin for plugin in _PLUGINS if not os.path.exists(plugin)]
